-- What the specs of joined answers share: columns with segments, and the answers they are for. Uses
-- rowan.core alone.
local core = require "rowan.core"

local M = {}

local unpack = table.unpack or unpack

function M.col(key, code, load) return { key = key, code = code or "i", load = load } end
local col = M.col

--- A segment; its layout is made of the same columns.
local function segment(columns, first, count, key, options)
  local own = {}
  for i = 1, count do own[i] = columns[first + i - 1] end
  local made = { first = first, count = count, key = key, parent = 0, keys = { first }, fold = true }
  made.layout = core.statement("", "", own)
  for name, value in pairs(options or {}) do made[name] = value end
  return made
end

--- Columns with segments: { first, count, key, what differs from a folded to-one of the root } each.
function M.joined(columns, segments, fold)
  columns.segments, columns.fold = {}, fold
  for i, one in ipairs(segments) do columns.segments[i] = segment(columns, unpack(one, 1, 4)) end
  return columns
end

--- SQL of literal rows, "1, 'a'" each; the first one has to show the types.
function M.rows_of(...)
  return "SELECT * FROM (VALUES (" .. table.concat({ ... }, "), (") .. ")) AS joined"
end

--- A query over the numbers 1..count, as n of s.
function M.series(count, text)
  return "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < " .. count .. ") " .. text
end

M.POST, M.AUTHOR, M.COUNTRY = { __name = "Post" }, { __name = "Author" }, { __name = "Country" }

--- post: id, title; author: id, name; country of the author: id
function M.nested(options)
  options = options or {}
  local author = { 3, 2, "author", options.author }
  local country = { 5, 1, "country", options.country or { parent = 1 } }
  local columns = { col "id", col("title", "s"), col "id", col("name", "s"), col "id" }
  return M.joined(columns, { author, country }, options.fold)
end

M.POSTS = M.rows_of("1, 'p1', 7, 'ann', 70", "2, 'p2', 8, 'bob', NULL", "3, 'p3', NULL, NULL, NULL",
  "4, 'p4', 7, 'ann', 70", "5, 'p5', 9, 'cid', 70")

return M
