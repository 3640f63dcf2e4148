--- belongsToMany: the model in between, its two keys, and how the two sides of one junction agree on their names.
--- Called by association/init.

local check = require("rowan.base.check")
local elsewhere = require("rowan.association.elsewhere")
local keys = require("rowan.association.keys")
local names = require("rowan.association.names")
local naming = require("rowan.base.naming")
local schema_keys = require("rowan.schema.keys")

local junction = {}

local fail = names.fail

local MADE_UP = { "timestamps", "paranoid" }
local THROUGH = check.set({ "model", "scope", "unique", "timestamps", "paranoid" })

-- Options for a junction that is made up: the other side may say the same.
local function check_made_up(context, through)
  local before = through.model.made_up
  for _, name in ipairs(MADE_UP) do
    if through[name] ~= nil and not before then
      fail(context, ("%s is for a junction that is made up; %s is a model of its own"):format(name, through.name))
    elseif through[name] ~= nil and before[name] ~= nil and through[name] ~= before[name] then
      fail(context, ("%s of the junction %s was given before as %s"):format(name, through.name, tostring(before[name])))
    end
  end
end

-- The option `through` as a table: model or name, scope, unique, timestamps.
local function read_through(context, source, options)
  local given = options.through
  local through = {}
  if type(given) == "table" and not elsewhere.is_model(given) then
    check.keys(given, THROUGH, context .. ": through", "AssociationError")
    for key, value in pairs(given) do through[key] = value end
  else
    through.model = given
  end
  local model = through.model
  if type(model) == "string" and model ~= "" then
    through.name, through.model = model, source.db.models[model]
  elseif elsewhere.is_model(model) then
    through.name = model.name
  else
    fail(context, "through wants the model in between: its name, the model, or { model =, scope =, unique = }")
  end
  if through.timestamps == nil then through.timestamps = options.timestamps end
  check.optional(through.unique, "boolean|string", context .. ": through.unique", "AssociationError")
  for _, name in ipairs(MADE_UP) do
    check.optional(through[name], "boolean", context .. ": " .. name, "AssociationError")
  end
  if through.model then check_made_up(context, through) end
  return through
end

local function same_names(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i].name ~= b[i].name then return false end
  end
  return true
end

local function all_inferred(list)
  for _, key in ipairs(list) do
    if not key.inferred then return false end
  end
  return true
end

-- Attributes of a junction, as the names of a key that follows another association.
local function names_of(pairs_of_keys)
  local list = {}
  for i, pair in ipairs(pairs_of_keys) do list[i] = { name = pair.through.name, spec = {}, inferred = true } end
  return list
end

-- Another association's key was made up, and this one gives it a name: it takes that name everywhere.
local function rename(model, pairs_of_keys, wanted)
  local def = model.definition
  for i, pair in ipairs(pairs_of_keys) do
    local old, new = pair.through, wanted[i].name
    if old.name ~= new and schema_keys.rename(def, old.name, new) then
      local attr = def.by_name[new]
      for _, foreign in ipairs(def.foreign_keys) do
        for c, held in ipairs(foreign.attrs) do
          if held == old then foreign.attrs[c] = attr end
        end
      end
      for _, known in ipairs(model.junction_of) do
        for _, list in ipairs({ known.source_keys, known.target_keys }) do
          for _, other in ipairs(list) do
            if other.through == old then other.through = attr end
          end
        end
        known.foreignKey, known.otherKey = junction.shown(known.source_keys), junction.shown(known.target_keys)
      end
    end
  end
end

---The names of a junction's keys as the outside sees them.
---@param pairs_of_keys table[]
---@return string|string[]
function junction.shown(pairs_of_keys)
  local attrs = {}
  for i, pair in ipairs(pairs_of_keys) do attrs[i] = pair.through end
  return keys.shown(attrs)
end

-- Whether `known` looks at the junction from the same side as this one does, or from the other side.
local function side_of(known, made, ours)
  local same = known.source == made.source and known.target == made.target
  local opposite = known.source == made.target and known.target == made.source
  if same and opposite then
    -- A model with itself: the names that were given tell; without any, the second one is the way back.
    opposite = not ((not all_inferred(ours.foreign) and same_names(names_of(known.source_keys), ours.foreign))
      or (not all_inferred(ours.other) and same_names(names_of(known.target_keys), ours.other)))
    same = not opposite
  end
  return same and "same" or opposite and "opposite" or nil
end

-- Lets names that were made up follow those that the other associations of this junction have or that this one gives.
local function agree(made, model, ours)
  for _, known in ipairs(model.junction_of or {}) do
    local side = side_of(known, made, ours)
    if side then
      local first, second = known.source_keys, known.target_keys
      if side == "opposite" then first, second = second, first end
      for _, key in ipairs({ { "foreign", first }, { "other", second } }) do
        local which, theirs = key[1], key[2]
        -- Where other keys are pointed at, the names are others as well.
        if #theirs == #ours[which] then
          if all_inferred(ours[which]) then
            ours[which] = names_of(theirs)
          else
            rename(model, theirs, ours[which])
          end
        end
      end
    end
  end
end

local function define_model(context, made, through, ours, referenced)
  local db, attributes, seen = made.source.db, {}, {}
  for _, which in ipairs({ "foreign", "other" }) do
    for i, key in ipairs(ours[which]) do
      if seen[key.name] then
        fail(context, ("both keys of %s would be %q; name them with foreignKey and otherKey")
          :format(through.name, key.name))
      end
      seen[key.name] = true
      attributes[#attributes + 1] =
        { key.name, key.spec.type or referenced[which][i].type, primaryKey = through.unique ~= false or nil }
    end
  end
  local model = db:define(through.name, attributes, {
    tableName = through.name, timestamps = through.timestamps, schema = made.source.definition.options.schema,
    paranoid = through.paranoid or false,
  })
  model.made_up = { timestamps = through.timestamps, paranoid = through.paranoid }
  -- Nobody gave these names but, perhaps, this association.
  for i, entry in ipairs(model.definition.entries) do
    if attributes[i] and entry.name == attributes[i][1] then entry.inferred = true end
  end
  return model
end

local function check_keys(context, model, ours)
  local seen = {}
  for _, key in ipairs(ours.foreign) do seen[key.name] = true end
  for _, key in ipairs(ours.other) do
    if seen[key.name] then
      fail(context, ("both keys of %s would be %q; name them with foreignKey and otherKey")
        :format(model.name, key.name))
    end
  end
end

local function add_keys(context, made, model, ours, referenced, options)
  local actions = keys.actions(context, options)
  local how = {
    constraints = options.constraints ~= false, actions = actions,
    defaults = { on_delete = "CASCADE", on_update = "CASCADE" },
  }
  local near = keys.add(context, model, ours.foreign, made.source, referenced.foreign, how)
  -- The far key is the other side's to decide; what was said here holds until it does.
  local far_how = {
    constraints = how.constraints, actions = {},
    defaults = { on_delete = actions.on_delete or "CASCADE", on_update = actions.on_update or "CASCADE" },
  }
  local far = keys.add(context, model, ours.other, made.target, referenced.other, far_how)
  return near, far
end

-- The keys of both sides together tell rows of the junction apart.
local function identify(def, near, far, unique)
  local both = {}
  for _, list in ipairs({ near, far }) do
    for _, attr in ipairs(list) do both[#both + 1] = attr.name end
  end
  schema_keys.identify(def, both, type(unique) == "string" and unique or nil)
end

---Links source and target over their junction, which is made when only its name was given.
---@param made rowan.Association being defined: source, target, as, singular
---@param options table
---@param context string
function junction.link(made, options, context)
  local through = read_through(context, made.source, options)
  if made.source == made.target and options.as == nil then
    fail(context, "an association of a model with itself needs an alias; give it one with as")
  end
  local referenced = {
    foreign = keys.referenced(context, made.source, options.sourceKey, "sourceKey"),
    other = keys.referenced(context, made.target, options.targetKey, "targetKey"),
  }
  local source_prefix = naming.lower_first(made.source.definition.singular)
  local target_prefix = made.source == made.target and made.singular
    or naming.lower_first(made.target.definition.singular)
  local ours = {
    foreign = names.keys(context, "foreignKey", options.foreignKey, source_prefix, referenced.foreign),
    other = names.keys(context, "otherKey", options.otherKey, target_prefix, referenced.other),
  }
  local model = through.model
  if model then agree(made, model, ours) end
  model = model or define_model(context, made, through, ours, referenced)
  check_keys(context, model, ours)
  if made.target.definition.by_name[model.name] then
    fail(context, ("%s has an attribute %q, where the row of the junction goes; give the junction another name")
      :format(made.target.name, model.name))
  end
  local scope, values = names.scope(context, model, through.scope, "through.scope")
  local near, far = add_keys(context, made, model, ours, referenced, options)
  if through.unique ~= false then identify(model.definition, near, far, through.unique) end
  made.source_keys = keys.pairs("source", referenced.foreign, "through", near)
  made.target_keys = keys.pairs("through", far, "target", referenced.other)
  made.foreignKey, made.otherKey = keys.shown(near), keys.shown(far)
  made.sourceKey, made.targetKey = keys.shown(referenced.foreign), keys.shown(referenced.other)
  made.through = { model = model, scope = scope, values = values, unique = through.unique ~= false, as = model.name }
  model.junction_of = model.junction_of or {}
  model.junction_of[#model.junction_of + 1] = made
end

return junction
