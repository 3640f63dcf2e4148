--- `lock`, `skipLocked` and `noWait`: row locks of a finder. What they mean on a database without row locks is decided by
--- repo/read, which knows the transaction.

local elsewhere = require("rowan.association.elsewhere")
local errors = require("rowan.base.errors")
local suggest = require("rowan.base.suggest")

local lock = {}

local LEVELS = { UPDATE = true, SHARE = true, ["KEY SHARE"] = true, ["NO KEY UPDATE"] = true }

---The levels of row locks, by the names that a transaction shows them under.
---@type table<string, string>
lock.LEVELS = { UPDATE = "UPDATE", SHARE = "SHARE", KEY_SHARE = "KEY SHARE", NO_KEY_UPDATE = "NO KEY UPDATE" }

local NAMES = { "UPDATE", "SHARE", "KEY SHARE", "NO KEY UPDATE" }

local function fail(model, rule)
  errors.raise("QueryError", { message = "lock: " .. model.name .. ": " .. rule })
end

local function level_of(model, wanted)
  if wanted == true then return "UPDATE" end
  local level = type(wanted) == "string" and wanted:upper():gsub("_", " ")
  if not LEVELS[level] then
    fail(model, suggest.unknown("there is no level", tostring(wanted), NAMES) .. "; or lock = true")
  end
  return level
end

-- The joined tables whose rows can be locked, by path.
local function joined_by_path(parts)
  local found, paths = {}, {}
  for i, segment in ipairs(parts.segments) do
    local above = paths[segment.parent]
    paths[i] = above and above .. "." .. segment.key or segment.key
    if segment.model then found[#found + 1] = { path = paths[i], segment = segment } end
  end
  return found
end

local function is_model(what, model)
  return type(what) == "table" and rawget(what, "definition") and elsewhere.same_model(what, model)
end

local function is_meant(item, what)
  return item.path == what or is_model(what, item.segment.model)
    or type(what) == "table" and what.as ~= nil and what.as == item.path
end

local function scope_of(model, parts, what, own)
  if is_model(what, model) or what == model.name then return own end
  for _, item in ipairs(joined_by_path(parts)) do
    if is_meant(item, what) then
      if not item.segment.inner then
        fail(model, ("rows of %q cannot be locked: they may be missing; include it with required = true")
          :format(item.path))
      end
      return item.segment.scope or own, item.path
    end
  end
  fail(model, ("of: %s is neither the model nor an association that the statement joins")
    :format(type(what) == "string" and ("%q"):format(what) or tostring(what)))
end

---Walks the options.
---@param b table builder
---@param model table
---@param options table
---@param parts rowan.LevelParts
---@return table? lock of a select node, in tree building
function lock.walk(b, model, options, parts)
  local wanted, of = options.lock, nil
  if wanted == nil or wanted == false then return nil end
  if type(wanted) == "table" then wanted, of = wanted.level or true, wanted.of end
  local made = { level = level_of(model, wanted), of = {} }
  made.wait = options.skipLocked and "SKIP LOCKED" or options.noWait and "NOWAIT" or nil
  b:token("lock " .. made.level .. (made.wait or ""))
  local list = of == nil and { model } or type(of) == "table" and of[1] ~= nil and of or { of }
  for i, what in ipairs(list) do
    local scope, path = scope_of(model, parts, what, b.scope)
    b:token("of " .. (path or ""))
    made.of[i] = scope
  end
  if b.is_shape or not b.dialect.supports.row_locks then return nil end
  if not b.scope.alias then made.of = nil end
  return made
end

local OPTIONS = { level = true, of = true }

---Refuses options that contradict each other.
---@param _ any
---@param options table
---@param context string
function lock.check(_, options, context)
  local function refuse(rule) errors.raise("QueryError", { message = context .. ": " .. rule }) end
  for _, name in ipairs({ "skipLocked", "noWait" }) do
    local value = options[name]
    if value ~= nil and type(value) ~= "boolean" then refuse(name .. " must be true or false") end
    if value and not options.lock then refuse(name .. " means nothing without lock") end
  end
  if options.lock and options.distinct then refuse("lock means nothing of distinct rows") end
  if options.skipLocked and options.noWait then refuse("skipLocked and noWait exclude each other") end
  if type(options.lock) == "table" then
    for key in next, options.lock do
      if not OPTIONS[key] then refuse(suggest.unknown("lock has no option", tostring(key), { "level", "of" })) end
    end
  end
end

return lock
