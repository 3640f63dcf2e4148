--- Two builders behind one interface. The walkers of this directory read a caller's options once and drive a builder:
--- `Shape` on every call, which takes down the shape of the options as a key and the values as parameters, and
--- `Tree` on the first call of a shape, which makes SQL nodes. One walk drives both, so they cannot disagree on the
--- order of parameters. Values never enter the key.

local errors = require("rowan.base.errors")
local family = require("rowan.types.family")
local node = require("rowan.sql.node")

local builder = {}

local concat = table.concat

---@class rowan.query.Shape
---@field tokens? string[] those from 1 to n; of a shape before it behind these; gone once the key is made
---@field n integer how many tokens
---@field params any[]
---@field count integer how many parameters
---@field conditions integer how many conditions were seen; 0 means "every row"
local Shape = { is_shape = true }
Shape.__index = Shape

-- The list of tokens that the last shape has done with: it has grown already.
local spare

---@param first string what kind of statement, and of which model
---@param model? string its name, when it is not part of that
---@return rowan.query.Shape
function builder.shape(first, model)
  local tokens = spare or {}
  spare = nil
  tokens[1], tokens[2] = first, model
  return setmetatable({ tokens = tokens, n = model and 2 or 1, params = {}, count = 0, conditions = 0 }, Shape)
end

-- Tokens that are made of others, each made once: of the words of the walkers, the codes of parameters, the numbers of
-- definitions.
local function made(format)
  return setmetatable({}, { __index = function(tokens, of)
    local token = format:format(of)
    tokens[of] = token
    return token
  end })
end

local PARAMS, GENERATIONS = made("?%s"), made("@%d")

---The code of a parameter that is one value, by the code of its type.
---@type table<string, string>
builder.single = made("-%s")
local OPENED = {}
for _, word in ipairs({ "and", "or", "not", "order" }) do OPENED[word] = "(" .. word end

function Shape:token(text)
  local n = self.n + 1
  self.n = n
  self.tokens[n] = text
end

---The key under which the plan of this shape is kept.
---@return string
function Shape:key()
  local tokens = self.tokens
  spare, self.tokens = tokens, nil
  return concat(tokens, "\31", 1, self.n)
end

function Shape:open(word)
  local n = self.n + 1
  self.n = n
  self.tokens[n] = OPENED[word] or "(" .. word
end

---Says of which state of a definition the plan is.
---@param def rowan.Definition
function Shape:generation(def)
  local n = self.n + 1
  self.n = n
  self.tokens[n] = GENERATIONS[def.generation]
end

function Shape:bind(_, value)
  local count = self.count + 1
  self.count = count
  self.params[count] = value
end

function Shape:column(attr)
  local n = self.n + 1
  self.n = n
  self.tokens[n] = attr.token
end
Shape.compared = Shape.column
Shape.document = Shape.column
Shape.field = Shape.column

function Shape:param(code, value)
  local n, count = self.n + 1, self.count + 1
  self.n, self.count = n, count
  self.tokens[n], self.params[count] = PARAMS[code], value
end

-- The length goes in front, so that no literal can look like other tokens.
function Shape:literal(text) self:token("!" .. #text .. ":" .. text) end

function Shape:constant(value) self:token("=" .. tostring(value)) end

function Shape:condition(word)
  local n = self.n + 1
  self.n, self.conditions = n, self.conditions + 1
  self.tokens[n] = word
end

Shape.compare = Shape.condition
function Shape:is_null(_, negated) self:condition(negated and "notnull" or "null") end
function Shape:member(_, _, negated) self:condition(negated and "notin" or "in") end
function Shape:member_rows() self:condition(")") end
function Shape:between(_, _, _, negated) self:condition(negated and "notbetween" or "between") end
function Shape:logic()
  local n = self.n + 1
  self.n = n
  self.tokens[n] = ")"
end
function Shape:negate() self:token("not") end
function Shape:quantified() self:token(")") end
function Shape:in_query(_, _, negated) self:condition(negated and "notin" or "in") end
function Shape:truth(value) self:condition(tostring(value)) end
function Shape:holds() self:condition("holds") end
function Shape:raw_condition(text) self.conditions = self.conditions + 1; self:literal(text) end
function Shape:call() self:token(")") end
function Shape:cast(_, e) self:token(e.to or e.type_token); self:token(")") end
function Shape:by_value() end
function Shape:over_list(quantifier, operator) self:condition(quantifier .. " " .. operator) end
function Shape:case() self:token(")") end
function Shape:fragment() self:token(")") end
function Shape:spread() self:token(")") end

function Shape:identifier(parts)
  self:token("name " .. #parts)
  for _, part in ipairs(parts) do self:literal(part) end
end

Shape.operand = Shape.condition
function Shape:row() self:token(")") end
function Shape:reserve() end
function Shape:enter() end
function Shape:leave() end

---@class rowan.query.Tree
---@field dialect rowan.Dialect
---@field codes string[] two characters a parameter, as the driver wants them
---@field scope rowan.sql.Scope the table whose columns are being walked
---@field aliases integer number of the next alias that is made up
---@field claimed table<string, boolean> aliases that the caller chose
local Tree = {}
Tree.__index = Tree

---@param dialect rowan.Dialect
---@param reserved? string[] codes of parameters that come before all others
---@return rowan.query.Tree
function builder.tree(dialect, reserved)
  local codes = {}
  for i, code in ipairs(reserved or {}) do codes[i] = code end
  return setmetatable({ dialect = dialect, codes = codes, scope = {}, aliases = 0, claimed = {} }, Tree)
end

function Tree:token() end
function Tree:generation() end
function Tree:open() end

local function next_alias(self)
  local alias
  repeat
    alias = "t" .. self.aliases
    self.aliases = self.aliases + 1
  until not self.claimed[alias]
  return alias
end

---Says that an alias will be claimed, before a table around it gets one.
---@param alias string
function Tree:reserve(alias)
  local number = tonumber(alias:match("^t(%d+)$"))
  if number and number >= self.aliases then self.claimed[alias] = true end
end

---Keeps an alias that the caller chose from being given to another table; one that was given already is refused, because
---what refers to it would be read as the caller's.
---@param alias string
function Tree:claim(alias)
  local number = tonumber(alias:match("^t(%d+)$"))
  if number and number < self.aliases and not self.claimed[alias] then
    errors.raise("QueryError", {
      message = ("%s is a name that rowan gave to another table of this statement; take another"):format(alias),
    })
  end
  self.claimed[alias] = true
end

---Goes into a further table of the statement; from here on all tables have aliases.
---@return rowan.sql.Scope outer to be given to `leave`, and what columns outside are written with
function Tree:enter()
  local outer = self.scope
  outer.alias = outer.alias or next_alias(self)
  self.scope = { alias = next_alias(self) }
  return outer
end

---@param outer rowan.sql.Scope
function Tree:leave(outer)
  self.scope = outer
end

---A scope for one more table of the same level (the other side of a join).
---@return rowan.sql.Scope
function Tree:another()
  self.scope.alias = self.scope.alias or next_alias(self)
  return { alias = next_alias(self) }
end

local KEPT_AS_TEXT = { ARRAY = true, INTERVAL = true, INET = true, CIDR = true }

-- What tells how values of a type are compared where they are kept as text: its key, or its code.
local function order_of(type_of)
  local key = family.root(type_of).key
  return KEPT_AS_TEXT[key] and key or type_of.code
end

function Tree:bind(code)
  self.codes[#self.codes + 1] = code
  return #self.codes
end

---@param attr table
---@param scope? rowan.sql.Scope the current one
---@return rowan.sql.Node
function Tree:column(attr, scope)
  if attr.node then return attr.type.code == "n" and node.decimal(attr.node) or attr.node end
  local column = node.column(attr.field, scope or attr.scope or self.scope, attr.type.code == "n")
  column.wide = attr.type.code == "I"
  column.order = order_of(attr.type)
  return column
end

---A column that is only read.
---@param attr table
---@param scope? rowan.sql.Scope the current one
---@return rowan.sql.Node
function Tree:field(attr, scope)
  return node.column(attr.field, scope or attr.scope or self.scope)
end

-- A column of tables on the left of a comparison: the dialect's visitors see how to compare it by value.
function Tree:compared(attr)
  local column = self:column(attr)
  column.compared = true
  column.plain_json = attr.type.code == "j"
  local as_text = self.dialect.lists_as_text
  column.text_type = as_text and as_text(attr.type) and self.dialect.type_name(attr.type, attr, attr.definition) or nil
  return column
end

-- A document as JSONB, which has the operators that JSON lacks.
function Tree:document(attr)
  if attr.node then return attr.node end
  local column = self:field(attr)
  column.plain_json = attr.type.code == "j"
  return column
end

function Tree:path(value, steps, text) return node.path(value, steps, text) end
function Tree:convert(value, type_of)
  return node.cast(value, self.dialect.type_name(self.dialect.kept_as(type_of)), type_of.key)
end

function Tree:by_value(value, type_of) return node.by_value(value, order_of(type_of)) end


-- Where it takes a subquery, columns on the left need the name of their table in it.
function Tree:over_list(quantifier, operator, left, slot)
  if not self.dialect.supports.quantified then self.scope.alias = self.scope.alias or next_alias(self) end
  return node.over_list(quantifier, operator, left, slot)
end

function Tree:case(branches, otherwise) return node.case(branches, otherwise) end
function Tree:fragment(pieces) return node.fragment(pieces) end
function Tree:spread(items) return node.spread(items) end
function Tree:identifier(parts) return node.identifier(parts) end

function Tree:param(code) return node.param(self:bind(code)) end
function Tree:literal(text) return node.literal(text) end
function Tree:constant(value) return node.constant(value) end
function Tree:compare(operator, left, slot) return node.compare(operator, left, node.param(slot)) end
function Tree:is_null(value, negated) return node.is_null(value, negated) end
function Tree:member(value, slot, negated) return node.member(value, slot, negated) end

function Tree:member_rows(columns, slots, attrs)
  local names = {}
  for i, attr in ipairs(attrs) do names[i] = self.dialect.type_name(attr.type, attr, attr.definition) end
  return node.member_rows(columns, slots, names)
end

function Tree:between(left, low, high, negated)
  return node.between(left, low, high, negated)
end

function Tree:logic(operator, list) return node.logic(operator, list) end
function Tree:negate(condition) return node.negate(condition) end
-- What walking a query as a value gives is a scalar; in other places its query is taken out of it.
function Tree:quantified(quantifier, scalar) return node.quantified(quantifier:upper(), scalar.query) end
function Tree:in_query(value, scalar, negated) return node.in_query(value, scalar.query, negated) end

function Tree:truth(value) return node.constant(value) end
function Tree:holds(value) return value end
function Tree:raw_condition(text) return node.literal("(" .. text .. ")") end
function Tree:call(name, args) return node.call(name, args) end

function Tree:cast(value, e)
  if e.type then return self:convert(value, e.type) end
  return node.cast(value, e.to)
end

function Tree:row(values) return node.row(values) end

function Tree:operand(operator, left, right) return node.compare(operator, left, right) end

return builder
