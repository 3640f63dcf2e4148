--- The nodes of statements that write, part of sql/node, which hands them on; sql/writes has their visitors.

local nodes = {}

---A number made bigger, within what its type holds.
---@param column rowan.sql.Node
---@param by rowan.sql.Node
---@param type_of rowan.Type
---@return rowan.sql.Node
function nodes.increased(column, by, type_of)
  return { node = "increased", column = column, by = by, type = type_of }
end

---What an INSERT does instead when a row with the same key is there.
---@class rowan.sql.Conflict
---@field fields? string[] columns of the key; none means any key
---@field where? rowan.sql.Node the condition of the key's partial index
---@field sets? { field: string, value: rowan.sql.Node }[] DO UPDATE; none means DO NOTHING

---INSERT of one row of parameters.
---@param into rowan.sql.Node source
---@param fields string[] columns; none means DEFAULT VALUES
---@param values rowan.sql.Node[]
---@param returning? rowan.sql.Node[]
---@param conflict? rowan.sql.Conflict
---@return rowan.sql.Node
function nodes.insert(into, fields, values, returning, conflict)
  return {
    node = "insert", into = into, fields = fields, values = values, returning = returning, conflict = conflict,
  }
end

---INSERT of the rows of a query.
---@param into rowan.sql.Node source
---@param fields string[]
---@param query rowan.sql.Node
---@param conflict? rowan.sql.Conflict
---@return rowan.sql.Node
function nodes.insert_query(into, fields, query, conflict)
  return { node = "insert_query", into = into, fields = fields, query = query, conflict = conflict }
end

---INSERT of many rows: each column is one list parameter, slots 1..#fields.
---@param into rowan.sql.Node source
---@param fields string[]
---@param types table[] the rowan types of the columns
---@param type_names string[] their SQL names, for the casts that PostgreSQL needs
---@param returning? rowan.sql.Node[]
---@param conflict? rowan.sql.Conflict
---@return rowan.sql.Node
function nodes.insert_lists(into, fields, types, type_names, returning, conflict)
  return {
    node = "insert_lists", into = into, fields = fields, types = types, type_names = type_names,
    returning = returning, conflict = conflict,
  }
end

---Whether the row that is returned was inserted, not updated: where the dialect supports insert_mark.
---@return rowan.sql.Node
function nodes.inserted()
  return { node = "inserted" }
end

---UPDATE.
---@param into rowan.sql.Node source
---@param sets { field: string, value: rowan.sql.Node }[]
---@param where? rowan.sql.Node
---@param returning? rowan.sql.Node[]
---@param from? rowan.sql.Node a table beside it, whose columns the values and the condition may use
---@return rowan.sql.Node
function nodes.update(into, sets, where, returning, from)
  return { node = "update", into = into, sets = sets, where = where, returning = returning, from = from }
end

---DELETE.
---@param from rowan.sql.Node source
---@param where? rowan.sql.Node
---@return rowan.sql.Node
function nodes.delete(from, where)
  return { node = "delete", from = from, where = where }
end

---TRUNCATE, where the dialect has it.
---@param from rowan.sql.Node source
---@param options { cascade?: boolean, restart?: boolean }
---@return rowan.sql.Node
function nodes.truncate(from, options)
  return { node = "truncate", from = from, cascade = options.cascade, restart = options.restart }
end

return nodes
