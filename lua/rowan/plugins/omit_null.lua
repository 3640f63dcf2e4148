--- NULL given is as good as nothing given: the option `omitNull` leaves such attributes out of what is written, so that an
--- INSERT takes the default and an UPDATE keeps what is stored. A foreign key that lets go is still written: that
--- is what associations have NULL for.

local build = require("rowan.change.build")
local null = require("rowan.base.null")

local function is_nothing(value) return value == nil or value == null end

local function strip(values)
  for name, value in pairs(values) do
    if value == null then values[name] = nil end
  end
end

local function strip_new(change, row)
  strip(row)
  build.defaults(change.model.definition, row)
end

local function without_nulls(def, values)
  local kept = {}
  for name, value in pairs(values) do
    if value ~= null or (def.linked and def.linked[name]) then kept[name] = value end
  end
  return kept
end

---@type rowan.Plugin
return {
  name = "omitNull",

  enabled = function(options) return options.omitNull or false end,

  write = {
    insert = function(next_one, change)
      strip_new(change, change.row)
      return next_one()
    end,

    bulkInsert = function(next_one, change)
      for _, row in ipairs(change.rows) do strip_new(change, row) end
      return next_one()
    end,

    update = function(next_one, change)
      local row, linked = change.row, change.model.definition.linked or {}
      for _, name in ipairs(row:changed() or {}) do
        if is_nothing(row:getDataValue(name)) and not linked[name] then row:setDataValue(name, row:previous(name)) end
      end
      return next_one()
    end,

    bulkUpdate = function(next_one, change)
      change.values = without_nulls(change.model.definition, change.values)
      return next_one()
    end,
  },

  hooks = { beforeUpsert = strip },
}
