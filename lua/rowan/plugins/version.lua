--- Optimistic locking: a number that each write of a row adds one to, or PostgreSQL's own xmin, which needs no column. A
--- save or destroy looks for the version that the row was read with; when another write came first, it finds nothing and
--- raises OptimisticLockError. Counting and looking are part of the statements that write rows (draft:version).

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local types = require("rowan.types")

local DataTypes = types.DataTypes

local function missed(model, row, seen)
  local gone = seen.current == nil
  local name = model.definition.version.name
  errors.raise("OptimisticLockError", {
    message = gone and ("%s: the row was deleted since it was read"):format(model.name)
      or ("%s: the row was changed since it was read (its %s was %s, and is now %s)")
        :format(model.name, name, tostring(seen.read), tostring(seen.current)),
    modelName = model.name, values = seen.values, where = seen.where,
    model = model.name, instance = row, reason = gone and "deleted" or "stale",
    version = seen.read, current = seen.current,
  })
end

-- A column that counts: what a save sends ends in `"version" = "version" + 1 WHERE "id" = ? AND "version" = ?`.
local function define_counter(draft, name)
  draft:attribute(name, { type = DataTypes.INTEGER, allowNull = false, defaultValue = 0 }, "the version")
  draft:version(name, missed)
end

-- What PostgreSQL fills in by itself at every write, in every table.
local function define_xmin(draft, option)
  if type(option) == "table" then
    check.keys(option, { xmin = true }, "the option version", "DefinitionError")
    if option.xmin ~= true then draft:fail("the option version must be true, a name, or { xmin = true }") end
  end
  if draft.definition.dialect.name ~= "postgres" then
    draft:fail("the version xmin is for PostgreSQL; version = true counts in a column")
  end
  draft:attribute("xmin", { type = DataTypes.TEXT, allowNull = true, defaultValue = expression.literal("xmin") },
    "the version")
  draft:version("xmin", missed, true)
end

---@type rowan.Plugin
return {
  name = "version",

  enabled = function(options) return options.version and true or false end,

  define = function(draft)
    local option = draft.options.version
    if type(option) == "table" or option == "xmin" then return define_xmin(draft, option) end
    define_counter(draft, type(option) == "string" and option or "version")
  end,
}
