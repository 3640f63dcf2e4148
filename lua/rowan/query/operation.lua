--- What the operators of `where` do with a subject and a value: how they check it, bind it, and drive the builder. Values
--- are checked against the subject's type here, so that nothing wrong is sent. Called by query/comparison.

local check = require("rowan.base.check")
local errors = require("rowan.base.errors")
local everything = require("rowan.base.everything")
local family = require("rowan.types.family")
local expression = require("rowan.query.expression")
local namespace = require("rowan.query.namespace")
local null = require("rowan.base.null")
local ops = require("rowan.base.ops")
local subject = require("rowan.query.subject")
local suggest = require("rowan.base.suggest")
local types = require("rowan.types")

local operation = {}

local Op = ops.Op
local EQ, NE = Op.eq, Op.ne
local TEXT = types.DataTypes.TEXT
local type, rawget = type, rawget

---Raises a QueryError that names the model, and the attribute when there is one.
---@param def table definition
---@param attr? table
---@param rule string
function operation.fail(def, attr, rule)
  local name = attr and (def.name .. "." .. (attr.label or attr.name) .. " ") or (def.name .. ": ")
  errors.raise("QueryError", { message = "where: " .. name .. rule })
end
local fail = operation.fail

---Refuses a key that stands where an operator should.
---@param def table
---@param attr table
---@param key any
function operation.no_operator(def, attr, key)
  local meant = type(key) == "string" and suggest.nearest((key:gsub("^%$", "")), ops.names())
  fail(def, attr, ("takes a value, a list or a table of operators; %q is no operator%s"):format(tostring(key),
    meant and (' (did you mean [Op["%s"]]?)'):format(meant) or ""))
end
local no_operator = operation.no_operator

---rowan.null could mean two things there: JSON's null, or nothing at all.
---@param s rowan.Subject|rowan.Attribute
---@return boolean
function operation.within_document(s)
  return s.steps ~= nil and subject.is_document(s.type)
end
local within_document = operation.within_document

-- Nothing says what it compares with, so that values are bound by what they are.
local UNTYPED = namespace.ANY
operation.UNTYPED = UNTYPED

-- The left side, walked for a purpose (subject.walk).
local function left(b, def, s, how)
  if b.is_shape and not s.expression then return b:token(s.token) end
  if s.expression then return expression.walk_as(b, def, s.expression, how) end
  return subject.walk(b, s, how)
end

-- One value of a subject, as it is bound.
local function bindable(def, s, value)
  local type_of = s.type
  if value == null and within_document(s) then return "null" end
  local canonical, rule = type_of.cast(value)
  if canonical == nil then fail(def, s, rule) end
  if canonical ~= canonical and not def.dialect.supports.nan then
    fail(def, s, ("cannot be NaN: %s does not have it"):format(def.dialect.name))
  end
  local dump = rawget(type_of, "dump")
  if dump then
    local text, problem = dump(canonical)
    if text == nil then fail(def, s, problem) end
    return text
  end
  return canonical
end

-- What is compared with a column: documents with JSONB, which has an equality.
local function code_of(s)
  local code = s.type.code
  return code == "j" and "J" or code
end

-- The same for one value, made once for each type of code.
local SINGLE = setmetatable({}, { __index = function(codes, code)
  codes[code] = "-" .. (code == "j" and "J" or code)
  return codes[code]
end })

-- left <operator> value, the value bound by the subject's type.
local function bound(b, def, s, sql, how, value)
  local column = left(b, def, s, how)
  if s.type == UNTYPED then
    bindable(def, s, value)
    return b:operand(sql, column, expression.bind(b, def, value))
  end
  return b:compare(sql, column, b:bind(SINGLE[s.type.code], bindable(def, s, value)))
end

-- What the database computes on the right side: an expression, or { [Op.col] = name }.
local function computed(value)
  if expression.is(value) then return value end
  local name = value[Op.col]
  return name ~= nil and next(value, (next(value))) == nil and expression.col(name) or nil
end

local function refuse_list(def, s, values)
  for key in next, values do
    if type(key) ~= "number" then no_operator(def, s, key) end
  end
  fail(def, s, "wants a list without gaps")
end

-- The bound values of a list, whether NULL is among them, and the expressions.
local function list_of(def, s, values)
  if type(values) ~= "table" then fail(def, s, "wants a list of values") end
  if values == everything then fail(def, s, "wants values: rowan.all stands for a whole condition") end
  local count = check.sequence(values)
  if not count then refuse_list(def, s, values) end
  local list, has_null, n, expressions = {}, false, 0, nil
  local is_value = within_document(s)
  for i = 1, count do
    local value = values[i]
    local expression_of = type(value) == "table" and computed(value)
    if value == null and not is_value then
      has_null = true
    elseif expression_of then
      expressions = expressions or {}
      expressions[#expressions + 1] = expression_of
    else
      n = n + 1
      list[n] = bindable(def, s, value)
    end
  end
  list.n = n
  return list, has_null, expressions
end

-- SQL text on the right of IN brings its own parentheses, as in Sequelize: rowan.literal("(SELECT ...)").
local IN_LIST = check.set({ "query", "literal", "sql" })

---NULL in a list means "or is NULL"; SQL itself would never find it, and NOT IN would find nothing at all.
function operation.member(b, def, s, _, spec, values)
  local negated = spec.negated
  if expression.is(values) then
    if not IN_LIST[values.kind] then fail(def, s, "wants a list of values, a query, rowan.literal or rowan.sql") end
    local column = left(b, def, s, "compare")
    local right = expression.walk(b, def, values)
    if values.kind == "query" then return b:in_query(column, right, negated) end
    return b:operand(negated and "notIn" or "in", column, right)
  end
  local list, has_null, expressions = list_of(def, s, values)
  local joint = negated and "and" or "or"
  if has_null or expressions then b:open(joint) end
  local column = left(b, def, s, "compare")
  local found = b:member(column, b:bind("[" .. code_of(s), list), negated)
  if not has_null and not expressions then return found end
  local all = { found }
  if has_null then all[2] = b:is_null(left(b, def, s, "value"), negated) end
  for _, one in ipairs(expressions or {}) do
    local again = left(b, def, s, "compare")
    all[#all + 1] = b:operand(negated and "ne" or "eq", again, expression.walk(b, def, one))
  end
  return b:logic(joint, all)
end

local function text_of(def, s, operator, spec, value)
  local text, rule = TEXT.cast(value)
  if not text then fail(def, s, ("with Op.%s %s"):format(operator.name, rule)) end
  return spec.make and spec.make(text) or text
end

-- CITEXT has no case for patterns either.
local WITHOUT_CASE = { like = "iLike", notLike = "notILike", regexp = "iRegexp", notRegexp = "notIRegexp" }

local function pattern_sql(s, spec)
  return s.type.key == "CITEXT" and WITHOUT_CASE[spec.sql] or spec.sql
end

-- What spec.make does to text, done by the database.
local function computed_pattern(spec, value)
  local before, after = spec.make("x"):match("^(%%?)x(%%?)$")
  for _, special in ipairs({ "\\", "%", "_" }) do value = expression.fn("REPLACE", value, special, "\\" .. special) end
  if before ~= "" then value = before .. value end
  return after == "" and value or value .. after
end

-- Types that are no text, on PostgreSQL at least.
local NO_TEXT = check.set({ "i", "I", "d", "n", "b", "t", "D", "T", "x", "a", "u", "e" })

local function pattern(b, def, s, operator, spec, value)
  if NO_TEXT[s.type.code] then
    fail(def, s, ('cannot take Op.%s: that is for text, and this is %s; ["%s::text"] is'):format(operator.name,
      s.type.key, s.written or s.label or s.name))
  end
  if expression.is(value) then
    local column = left(b, def, s, "text")
    if spec.make then value = computed_pattern(spec, value) end
    return b:operand(pattern_sql(s, spec), column, expression.walk(b, def, value))
  end
  local text = text_of(def, s, operator, spec, value)
  local column = left(b, def, s, "text")
  return b:compare(pattern_sql(s, spec), column, b:bind("-s", text))
end

local function truth(b, def, s, _, spec, value)
  if value == null then return b:is_null(left(b, def, s, "value"), spec.negated) end
  if type(value) ~= "boolean" then fail(def, s, "takes rowan.null, true or false with Op.is and Op.isNot") end
  bindable(def, s, value)
  if subject.is_document(s.type) then fail(def, s, "is JSON: compare it with true or false by Op.eq") end
  local column = left(b, def, s, "value")
  return b:operand(spec.negated and "isNot" or "is", column, b:constant(value))
end

local function pair(b, def, s, operator, spec, value)
  if type(value) ~= "table" or check.sequence(value) ~= 2 then
    fail(def, s, ("takes a list of two values with Op.%s"):format(operator.name))
  end
  local code = code_of(s)
  local column, ends = left(b, def, s, "compare"), {}
  for i = 1, 2 do
    local expression_of = type(value[i]) == "table" and computed(value[i])
    if expression_of then
      ends[i] = expression.walk(b, def, expression_of)
    elseif s.type == UNTYPED then
      bindable(def, s, value[i])
      ends[i] = expression.bind(b, def, value[i])
    else
      ends[i] = b:param("-" .. code, bindable(def, s, value[i]))
    end
  end
  return b:between(column, ends[1], ends[2], spec.negated)
end

---One value, or none, behind a comparison; also of a value without an operator.
function operation.compare(b, def, s, operator, spec, value)
  if value == null then
    local equality = operator == EQ or operator == NE
    if equality and within_document(s) then return bound(b, def, s, spec.sql, "compare", value) end
    if equality then return b:is_null(left(b, def, s, "value"), operator == NE) end
    fail(def, s, ("cannot be compared with rowan.null by Op.%s"):format(operator.name))
  end
  if type(value) == "table" and expression.is(value) then
    local column = left(b, def, s, "compare")
    -- Documents compare with documents: JSON is made JSONB on both sides.
    local how = subject.is_document(s.type) and "compare" or "value"
    return b:operand(spec.sql, column, expression.walk_as(b, def, value, how))
  end
  return bound(b, def, s, spec.sql, "compare", value)
end

-- Refuses an operator for a type it is not for; what an expression gives is known to the database alone.
local function check_among(def, s, operator, spec)
  if s.type == UNTYPED then return end
  local type_of = family.root(s.type)
  for _, key in ipairs(spec.among) do
    if type_of.key == key then return end
  end
  fail(def, s, ("cannot take Op.%s: that is for %s, and this is %s"):format(operator.name,
    table.concat(spec.among, ", "), s.type.key))
end

local function set(b, def, s, operator, spec, value)
  check_among(def, s, operator, spec)
  local how = subject.is_document(s.type) and "document" or "value"
  if expression.is(value) then
    local column = left(b, def, s, how)
    return b:operand(spec.sql, column, expression.walk(b, def, value))
  end
  if value == null then fail(def, s, ("cannot be compared with rowan.null by Op.%s"):format(operator.name)) end
  local stored = family.root(s.type)
  if stored.key == "RANGE" and operator == Op.contains and type(value) ~= "table" then
    b:token("item")
    return bound(b, def, setmetatable({ type = stored.element }, { __index = s }), spec.sql, how, value)
  end
  return bound(b, def, s, spec.sql, how, value)
end

local function keys_exist(b, def, s, operator, spec, value)
  check_among(def, s, operator, spec)
  local count = type(value) == "table" and not expression.is(value) and check.sequence(value)
  if not count then fail(def, s, ("takes a list of keys with Op.%s"):format(operator.name)) end
  local list = { n = count }
  for i = 1, count do list[i] = text_of(def, s, operator, spec, value[i]) end
  local column = left(b, def, s, "document")
  return b:over_list(spec.quantifier, "has", column, b:bind("[s", list))
end

local function text_search(b, def, s, operator, spec, value)
  if not expression.is(value) then
    value = expression.fn("websearch_to_tsquery", text_of(def, s, operator, spec, value))
  end
  local column = left(b, def, s, "text")
  return b:operand(spec.sql, column, expression.walk(b, def, value))
end

-- The same over what a query gives.
local function over_query(b, def, s, operator, spec, quantifier, query)
  if not def.dialect.supports.quantified or spec.takes == "pattern" then
    fail(def, s, ("cannot take Op.%s with Op.%s of a query%s"):format(operator.name, quantifier,
      spec.takes == "pattern" and "" or (": %s does not have it"):format(def.dialect.name)))
  end
  local column = left(b, def, s, "compare")
  b:open(quantifier)
  return b:operand(spec.sql, column, b:quantified(quantifier, expression.walk(b, def, query)))
end

---{ [Op.any] = list } and { [Op.all] = list } on the right: the operator with any, or all, of the list.
function operation.over_list(b, def, s, operator, spec, quantifier, value)
  if spec.takes ~= "value" and spec.takes ~= "pattern" then
    fail(def, s, ("cannot take Op.%s with Op.%s"):format(operator.name, quantifier))
  end
  if expression.is(value) and value.kind == "query" then
    return over_query(b, def, s, operator, spec, quantifier, value)
  end
  if type(value) == "table" and value[Op.values] ~= nil then value = value[Op.values] end
  local count = type(value) == "table" and not expression.is(value) and check.sequence(value)
  if not count then fail(def, s, ("wants a list of values with Op.%s"):format(quantifier)) end
  local list, is_pattern = { n = count }, spec.takes == "pattern"
  for i = 1, count do
    if value[i] == null then fail(def, s, ("cannot be compared with rowan.null by Op.%s"):format(quantifier)) end
    list[i] = is_pattern and text_of(def, s, operator, spec, value[i]) or not is_pattern and bindable(def, s, value[i])
  end
  local column = left(b, def, s, is_pattern and "text" or "compare")
  local sql = is_pattern and pattern_sql(s, spec) or spec.sql
  return b:over_list(quantifier, sql, column, b:bind(is_pattern and "[s" or "[" .. code_of(s), list))
end

---By what operators take (sql/operators): walks (builder, definition, subject, operator, its entry, value).
operation.takes = {
  value = operation.compare, list = operation.member, pair = pair, truth = truth, pattern = pattern, set = set,
  keys = keys_exist, query = text_search,
}

---Walks a subject that is NULL, which is nothing where it stands in a document.
---@param b table
---@param def table
---@param s rowan.Subject|rowan.Attribute
---@return rowan.sql.Node? in tree building
function operation.is_null(b, def, s)
  return b:is_null(left(b, def, s, "value"))
end

return operation
