--- What is a model, and which models are one; associations between variants of models in other schemas: copies of the one
--- that was defined, with other ends. Each is kept by one of its ends, so that it lives no longer.

local errors = require("rowan.base.errors")

local elsewhere = {}

---@param value any
---@return boolean
function elsewhere.is_model(value)
  return type(value) == "table" and rawget(value, "definition") ~= nil
end

---The model that a variant is one of; itself for any other.
---@param model table
---@return table
function elsewhere.initial(model)
  return rawget(model, "baseModel") or model
end

---Whether two models are one, wherever they are and whatever their scopes.
---@param a table
---@param b table
---@return boolean
function elsewhere.same_model(a, b)
  return elsewhere.initial(a) == elsewhere.initial(b)
end

---Whether two associations are one, whichever variants they are between.
---@param a rowan.Association
---@param b rowan.Association
---@return boolean
function elsewhere.same(a, b)
  return (a.origin or a) == (b.origin or b)
end

local function mapped(pairs_of_keys, ends)
  local list = {}
  for i, pair in ipairs(pairs_of_keys) do
    local own = {}
    for side, attr in next, pair do own[side] = ends[side].definition.by_name[attr.label] end
    list[i] = own
  end
  return list
end

-- Whether the foreign keys of the rows that a variant's association leads to point at rows of the model itself: an equal
-- key then means another row.
local function is_astray(origin, source, target, junction)
  if not source.definition.origin or not origin.constraints then return nil end
  local holder = junction or origin.kind ~= "belongsTo" and target
  return holder and not holder.definition.origin or nil
end

local function copied(made, source, target, junction)
  local own = {}
  for key, value in next, made do own[key] = value end
  own.origin, own.source, own.target = made.origin or made, source, target
  own.astray = is_astray(own.origin, source, target, junction)
  local ends = { source = source, target = target, through = junction }
  if not made.through then
    own.keys = mapped(made.keys, ends)
  else
    own.source_keys, own.target_keys = mapped(made.source_keys, ends), mapped(made.target_keys, ends)
    own.through = {}
    for key, value in next, made.through do own.through[key] = value end
    own.through.model = junction
  end
  return setmetatable(own, getmetatable(made))
end

---An association with other ends.
---@param made rowan.Association
---@param source table a variant of its source, without a scope
---@param target table one of its target
---@param junction? table one of its junction; the same when not given
---@return rowan.Association
function elsewhere.between(made, source, target, junction)
  if source == made.source and target == made.target then return made end
  local origin = made.origin or made
  junction = junction or made.through and made.through.model
  local holder, other = target, source
  if not rawget(target, "baseModel") then holder, other = source, target end
  local kept = rawget(holder, "_between") or {}
  rawset(holder, "_between", kept)
  kept[origin] = kept[origin] or setmetatable({}, { __mode = "k" })
  local own = kept[origin][other]
  if not own then
    own = copied(made, source, target, junction)
    kept[origin][other] = own
  end
  return own
end

---A model as a statement sees it that includes a variant: paths along the association lead to what is included.
---@param model table
---@param made rowan.Association
---@return table
function elsewhere.seeing(model, made)
  if model.associations[made.as] == made then return model end
  local seen = { baseModel = elsewhere.initial(model) }
  seen.definition = setmetatable({ model = seen }, { __index = model.definition })
  seen.associations = setmetatable({ [made.as] = made }, { __index = model.associations })
  return setmetatable(seen, { __index = model })
end

---The association to the variant that an include names; models that are no variants in a schema change nothing.
---@param made rowan.Association
---@param model? table
---@return rowan.Association
function elsewhere.toward(made, model)
  if not model or not model.definition.origin then return made end
  return elsewhere.between(made, made.source, rawget(model, "_unscoped") or model)
end

---Refuses an association by which the rows of a variant would get those of others.
---@param made rowan.Association
---@return rowan.Association made
function elsewhere.check(made)
  if not made.astray then return made end
  errors.raise("AssociationError", {
    message = ("%s.%s leads out of the schema, to rows that belong to others than the rows in it: name the variant "
      .. "that is meant (model = %s:withSchema(...) in an include, schema in a method), or use "
      .. "withSchema{ associations = true }")
      :format(made.source.name, made.as, made.target.name),
  })
end

return elsewhere
