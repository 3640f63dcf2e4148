--- Optimistic locking: a number that each write of a row adds one to, or PostgreSQL's own xmin, which needs no column. A
--- save or destroy looks for the version that the row was read with; when another write came first, it finds nothing and
--- raises OptimisticLockError. The counting and looking is done where rows are written (repo/write), by the attribute's role.

local check = require("rowan.base.check")
local expression = require("rowan.query.expression")
local types = require("rowan.types")

local DataTypes = types.DataTypes

local function define_xmin(draft, option)
  check.keys(option, { xmin = true }, "the option version", "DefinitionError")
  if option.xmin ~= true then draft:fail("the option version must be true, a name, or { xmin = true }") end
  if draft.definition.dialect.name ~= "postgres" then
    draft:fail("version = { xmin = true } is for PostgreSQL; version = true counts in a column")
  end
  -- What the database fills in, and gives back.
  draft:attribute("xmin", { type = DataTypes.TEXT, allowNull = true, defaultValue = expression.literal("xmin") },
    "the version", "version", true)
end

---@type rowan.Plugin
return {
  name = "version",

  enabled = function(options) return options.version and true or false end,

  define = function(draft)
    local option = draft.options.version
    if type(option) == "table" then return define_xmin(draft, option) end
    local name = type(option) == "string" and option or "version"
    draft:attribute(name, { type = DataTypes.INTEGER, allowNull = false, defaultValue = 0 }, "the version", "version")
  end,
}
