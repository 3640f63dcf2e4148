--- The finders of models: what reads rows. Each checks its options and hands on to repo/read.

local everything = require("rowan.base.everything")
local expression = require("rowan.query.expression")
local read = require("rowan.repo.read")
local select = require("rowan.query.select")

---@class rowan.Model
local Finders = {}

local NO_OPTIONS = {}

---All rows that match.
---
---    User:findAll{ where = { age = { [Op.gte] = 18 } }, order = { { "name", "DESC" } }, limit = 10 }
---    -- SELECT "id", "name", ... FROM "users" WHERE "age" >= $1 ORDER BY "name" DESC LIMIT $2
---@async
---@param options? table where, attributes, include, order, limit, offset, raw, rejectOnEmpty, transaction, logging
---@return rowan.Instance[]
function Finders:findAll(options)
  if options == nil then return read.all(self, NO_OPTIONS) end
  select.check(options, self.name .. ":findAll", self.definition)
  return read.all(self, options)
end

---The first row that matches, or nil. Without `order` the first by primary key.
---@async
---@param options? table as for findAll
---@return rowan.Instance?
function Finders:findOne(options)
  if options == nil then return read.one(self, NO_OPTIONS) end
  select.check(options, self.name .. ":findOne", self.definition)
  return read.one(self, options)
end

local function plain_lookup(options)
  for key in next, options do
    if key ~= "transaction" and key ~= "logging" and key ~= "benchmark" and key ~= "raw"
      and key ~= "rejectOnEmpty" and key ~= "paranoid" and key ~= "hooks" then
      return false
    end
  end
  return true
end

---The row with a primary key (a table by attribute name when it is composite), or nil.
---
---    User:findByPk(7)      -- SELECT "id", "name", ... FROM "users" WHERE "id" = $1
---@async
---@param key any
---@param options? table as for findAll, but for limit and offset
---@return rowan.Instance?
function Finders:findByPk(key, options)
  if options == nil then return read.by_key(self, key) end
  select.check(options, self.name .. ":findByPk", self.definition)
  if plain_lookup(options) then return read.by_key(self, key, options) end
  local condition = {}
  local params = read.key_params(self, key)
  for i, attr in ipairs(self.definition.primary) do condition[attr.name] = params[i] end
  local finder = {}
  for name, value in next, options do finder[name] = value end
  local own = options.where
  finder.where = (own == nil or own == everything) and condition or expression.and_(condition, own)
  return read.one(self, finder)
end

---A page of rows and the number of all rows that match, counting each row once whatever is included.
---
---    local page = User:findAndCountAll{ limit = 10, offset = 20 }
---    -- SELECT ..., COUNT(*) OVER () AS "total" FROM "users" ORDER BY "id" ASC LIMIT $1 OFFSET $2
---@async
---@param options? table as for findAll
---@return { count: integer, rows: rowan.Instance[] }
function Finders:findAndCountAll(options)
  options = options or NO_OPTIONS
  select.check(options, self.name .. ":findAndCountAll", self.definition)
  local count, rows = read.page(self, options)
  return { count = count, rows = rows }
end

---How many rows match.
---@async
---@param options? { where?: any, include?: any, transaction?: rowan.Transaction|false, logging?: any }
---@return integer
function Finders:count(options)
  if options == nil then return read.count(self, NO_OPTIONS) end
  select.check_count(options, self.name .. ":count", self.definition)
  return read.count(self, options)
end

return Finders
