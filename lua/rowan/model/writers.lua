--- The writers of models: build, create and what changes or deletes many rows. Each checks the shape of its arguments
--- and hands on to repo/.

local lazy = require("rowan.base.lazy")
local built = require("rowan.model.built")
local bulk = require("rowan.repo.bulk")
local bulk_life = require("rowan.repo.bulk_life")
local bulk_update = lazy(function() return require("rowan.repo.bulk_update") end)
local check = require("rowan.base.check")
local create = require("rowan.repo.create")
local errors = require("rowan.base.errors")
local expression = require("rowan.query.expression")
local find = lazy(function() return require("rowan.repo.find_or_create") end)
local increment = require("rowan.repo.increment")
local insert_from = lazy(function() return require("rowan.repo.insert_from") end)
local omit = require("rowan.change.omit")
local truncate = lazy(function() return require("rowan.repo.truncate") end)

---@class rowan.Model
local Writers = {}

local CREATE = check.set({
  "include", "fields", "ignoreDuplicates", "returning", "silent", "omitNull", "hooks", "validate", "transaction",
  "logging", "benchmark", "context",
})
local BULK_CREATE = check.set({
  "include", "fields", "ignoreDuplicates", "updateOnDuplicate", "conflictAttributes", "conflictWhere", "returning",
  "silent", "omitNull", "hooks", "individualHooks", "validate", "transaction", "logging", "benchmark", "context",
})
local UPSERT = check.set({
  "conflictFields", "conflictWhere", "fields", "returning", "silent", "omitNull", "validate", "hooks", "transaction",
  "logging", "benchmark", "context",
})
local FIND_OR_CREATE = check.set({ "where", "defaults", "hooks", "transaction", "logging", "benchmark", "context" })
local FIND_OR_BUILD = check.set({ "where", "defaults", "include", "hooks", "transaction", "logging",
  "benchmark", "context" })
local UPDATE = {
  where = true, fields = true, limit = true, order = true, hooks = true, individualHooks = true, validate = true,
  returning = true, silent = true, omitNull = true, transaction = true, logging = true, benchmark = true,
  context = true,
}
local INCREMENT = {
  where = true, by = true, limit = true, order = true, returning = true, silent = true, transaction = true,
  logging = true, benchmark = true, context = true,
}
local TRUNCATE = check.set({ "cascade", "restartIdentity", "transaction", "logging", "benchmark" })
local BULK_UPDATE = check.set({
  "key", "fields", "returning", "strict", "silent", "validate", "transaction", "logging", "benchmark",
})
local INSERT_FROM = check.set({ "ignoreDuplicates", "transaction", "logging", "benchmark" })
local DESTROY = {
  where = true, limit = true, order = true, force = true, hooks = true, individualHooks = true, transaction = true,
  logging = true, benchmark = true, context = true,
}

---A new instance that is not stored yet. Defaults are filled in; unknown names are refused. With `include` the values may
---hold those of associated rows, which `save` stores as well; with `raw` no setter is called; with `isNewRecord = false` it
---is an instance of a row that is known to be stored, with these values.
---
---    local user = User:build({ name = "Ann", posts = { { title = "First" } } }, { include = "posts" })
---    User:build({ id = 7 }, { isNewRecord = false }):update{ name = "Ann" }   -- UPDATE "users" SET "name" = $1 ... WHERE "id" = $3
---@param values? table<string, any> or a list of them, as for bulkBuild
---@param options? rowan.BuildOptions
---@return rowan.Row
function Writers:build(values, options)
  check.colon(self, "definition", "Model:build")
  if type(values) == "table" and values[1] ~= nil then return self:bulkBuild(values, options) end
  return built.one(self, values, options, self.name .. ":build")
end

---An instance for each table of values; see build.
---Raises QueryError for what is no list of tables, or an unknown attribute.
---
---    User:bulkBuild{ { name = "Ann" }, { name = "Ben" } }
---@param list table<string, any>[]
---@param options? rowan.BuildOptions
---@return rowan.Row[]
function Writers:bulkBuild(list, options)
  check.colon(self, "definition", "Model:bulkBuild")
  local context, instances = self.name .. ":bulkBuild", {}
  if type(list) ~= "table" or not check.sequence(list) then
    errors.raise("QueryError", { message = context .. " wants a list of tables" })
  end
  for i = 1, #list do instances[i] = built.one(self, list[i], options, context) end
  return instances
end

---Makes and stores a row, with the rows of the associations that `include` names: all of them, or none.
---Raises ValidationError before anything is sent, UniqueConstraintError and its like when the database refuses,
---QueryError for an unknown name.
---
---    local user = User:create{ name = "Ann" }
---    -- INSERT INTO "users" ("name", "created_at", "updated_at") VALUES ($1, $2, $3) RETURNING "id"
---    User:create({ name = "Ann", posts = { { title = "First" } } }, { include = "posts" })
---
---Options: `fields` are the only attributes of `values` that are written; `returning` (true, or a list of attributes) reads
---back what the database made of them; `ignoreDuplicates` stores nothing where a row with the same key is there: the
---instance then is still a new one, without what the database would have given it.
---@async
---@param values? table<string, any>
---@param options? rowan.CreateOptions
---@return rowan.Row
---@return boolean? created with ignoreDuplicates
function Writers:create(values, options)
  check.colon(self, "definition", "Model:create")
  if not options then return create.one(self, values) end
  check.keys(options, CREATE, self.name .. ":create", "QueryError")
  if options.omitNull then values = omit.new(self.definition, values) end
  local row, created = create.one(self, values, options)
  if options.include ~= nil then built.remember(row, options.include) end
  return row, created
end

---Stores many rows in their order with one statement (and one for each further set of attributes that the database fills
---in), all or none of them; with those of the associations that `include` names, which take as many statements however
---many they are.
---
---    local users, what = User:bulkCreate(list, { ignoreDuplicates = true })
---    -- what[i] is "created" or "skipped"; what.created and what.skipped count them
---    User:bulkCreate(list, { updateOnDuplicate = { "name" }, conflictAttributes = { "email" } })
---    -- INSERT ... ON CONFLICT ("email") DO UPDATE SET "name" = excluded."name", ... RETURNING ...
---
---Rows whose key is there are an error, unless `ignoreDuplicates` skips them (they stay new instances without a generated
---key), or `updateOnDuplicate` updates the stored ones: the attributes it lists, or with `true` those that each row gives;
---updatedAt with them unless `silent`, never the key, the primary key or createdAt. Updated instances show the stored row.
---`conflictAttributes` say which key is meant, `conflictWhere` which partial index of them; it may be left out where the
---rows have their primary key, or a single unique key.
---@async
---@param list table<string, any>[]
---@param options? rowan.BulkCreateOptions
---@return rowan.Row[] in the order of the list
---@return table? what became of each, with ignoreDuplicates or updateOnDuplicate
function Writers:bulkCreate(list, options)
  check.colon(self, "definition", "Model:bulkCreate")
  local context = self.name .. ":bulkCreate"
  check.keys(options, BULK_CREATE, context, "QueryError")
  if type(list) ~= "table" or not check.sequence(list) then
    errors.raise("QueryError", { message = context .. " wants a list of tables" })
  end
  if options and options.omitNull then list = omit.list(self.definition, list) end
  return create.many(self, list, options, context)
end

---Stores a row, or updates the one that is there under the same key with what is given; what defaults would fill in, the
---key, the primary key and createdAt of a row that is there stay. The instance shows the stored row.
---
---    local user, created = User:upsert{ email = "a@b.c", name = "Ann" }
---    -- INSERT INTO "users" ... ON CONFLICT ("email") DO UPDATE SET "name" = excluded."name", ... RETURNING ...
---
---The key is the primary key where it is given, else the first unique key that is; `conflictFields` says another one, also
---one that only the table knows of (and `conflictWhere` the condition of a partial index). Values without a key make a new
---row. A conflict on another key is a UniqueConstraintError. `fields` are the only attributes that an update changes.
---@async
---@param values table<string, any>
---@param options? rowan.UpsertOptions
---@return rowan.Row
---@return boolean created
function Writers:upsert(values, options)
  check.colon(self, "definition", "Model:upsert")
  local context = self.name .. ":upsert"
  check.type(values, "table", context, "QueryError")
  check.keys(options, UPSERT, context, "QueryError")
  if options and options.omitNull then values = omit.new(self.definition, values) end
  return find.upsert(self, values, options or {}, context)
end

---The row that matches `where`; when there is none, it is made of what `where` has equal and of `defaults`. Two calls at
---once make one row: where `where` has a unique key, the INSERT itself decides, and at most one SELECT follows it; else
---the calls wait for each other.
---Raises QueryError without `where`, ValidationError and UniqueConstraintError as create.
---
---    local user, created = User:findOrCreate{ where = { email = "a@b.c" }, defaults = { name = "Ann" } }
---    -- INSERT INTO "users" ... ON CONFLICT ("email") DO NOTHING RETURNING ...
---@async
---@param options rowan.FindOrOptions
---@return rowan.Row
---@return boolean created
function Writers:findOrCreate(options)
  check.colon(self, "definition", "Model:findOrCreate")
  local context = self.name .. ":findOrCreate"
  expression.check_options(options, FIND_OR_CREATE, context)
  return find.or_create(self, options, context)
end

---The same, looking first: for rows that mostly are there. Without a unique key in `where` two calls at once may make two.
---Raises as findOrCreate.
---
---    User:findCreateFind{ where = { email = "a@b.c" }, defaults = { name = "Ann" } }
---    -- SELECT "id", "name", ... FROM "users" WHERE "email" = $1 ORDER BY "id" ASC LIMIT $2; ...
---@async
---@param options rowan.FindOrOptions
---@return rowan.Row
---@return boolean created
function Writers:findCreateFind(options)
  check.colon(self, "definition", "Model:findCreateFind")
  local context = self.name .. ":findCreateFind"
  expression.check_options(options, FIND_OR_CREATE, context)
  return find.create_find(self, options, context)
end

---The row that matches `where`, or a new instance of what `where` has equal and of `defaults`, which is not stored.
---Raises as findOrCreate, without the database's refusals.
---
---    User:findOrBuild{ where = { name = "Ann" }, defaults = { age = 30 } }
---    -- SELECT "id", "name", ... FROM "users" WHERE "name" = $1 ORDER BY "id" ASC LIMIT $2
---@async
---@param options rowan.FindOrOptions include: read with the row, or built out of `defaults` with it
---@return rowan.Row
---@return boolean built
function Writers:findOrBuild(options)
  check.colon(self, "definition", "Model:findOrBuild")
  local context = self.name .. ":findOrBuild"
  expression.check_options(options, FIND_OR_BUILD, context)
  return find.or_build(self, options, context, function(values)
    return built.one(self, values, options.include and { include = options.include } or nil, context)
  end)
end

---Changes all rows that match `where`; `where = rowan.all` for every row.
---Raises QueryError without `where` or for an unknown name, ValidationError for values that do not fit.
---
---    User:update({ active = false }, { where = { lastSeen = { [Op.lt] = day } } })
---    -- UPDATE "users" SET "active" = $1, "updated_at" = $2 WHERE "last_seen" < $3
---
---`fields` are the only attributes of `values` that are written. `limit` changes so many rows at most, the first by `order`
---or else by primary key. `returning` (true, or a list of attributes) gives the changed rows.
---@async
---@param values table<string, any>
---@param options rowan.UpdateOptions
---@return integer count rows changed
---@return rowan.Row[]? rows with `returning = true`
function Writers:update(values, options)
  check.colon(self, "definition", "Model:update")
  local context = self.name .. ":update"
  check.type(values, "table", context, "QueryError")
  bulk.check_where(self, options, context)
  expression.check_options(options, UPDATE, context, self.definition.plugin_options)
  if options.fields then values = create.chosen(self.definition, values, options.fields, context) end
  if options.omitNull then values = omit.changes(self.definition, values) end
  if self.definition.watched then return bulk_life.update(self, values, options, context) end
  return bulk.update(self, values, options, context)
end

---Changes many rows, each to values of its own, in one statement (one for each set of attributes that occurs), all or
---nothing. The rows are tables with the key and what is to be set, or stored instances, of which what changed is set.
---
---    local count, _, missing = User:bulkUpdate{ { id = 1, name = "Ann" }, { id = 2, name = "Ben" } }
---    -- UPDATE "users" AS "t" SET "name" = "u"."c1", ... FROM unnest($1, $2, ...) AS "u" WHERE "t"."id" = "u"."c0"
---
---`key` is the primary key, or the attributes of a unique key; `fields` are the only attributes that are set; `returning`
---gives the changed rows; with `strict` a row that is not stored is an error, and nothing is changed. No hooks run.
---@async
---@param list table[] the rows
---@param options? rowan.BulkUpdateOptions
---@return integer count rows changed
---@return rowan.Row[]? rows with `returning`, in the order of the list
---@return table[] missing those of the list that are not stored
function Writers:bulkUpdate(list, options)
  local context = self.name .. ":bulkUpdate"
  check.keys(options, BULK_UPDATE, context, "QueryError", self.definition.plugin_options)
  if type(list) ~= "table" or not check.sequence(list) then
    errors.raise("QueryError", { message = context .. " wants a list of tables or instances" })
  end
  return bulk_update.rows(self, list, options or {}, context)
end

---Stores what a query finds, in one statement and without reading it: of a query value the columns, each for the attribute of its
---name; else `attributes` says what each attribute gets: an attribute of `model`, an expression over it, or a value that is no text (text is a name;
---rowan.sql("?", text) is text). Timestamps and constant defaults are filled in; no
---hooks and no validation run. With `ignoreDuplicates` rows whose key is there are skipped.
---Raises QueryError for an unknown attribute or a column without one.
---
---    Archive:insertFrom{ model = Post, attributes = { postId = "id", title = "title" }, where = { old = true } }
---    -- INSERT INTO "archives" ("post_id", "title", ...) SELECT "id", "title", ... FROM "posts" WHERE "old" = $3
---@async
---@param source rowan.Query|{ model: rowan.Model, attributes: table<string, any>, where?: any, order?: any, limit?: integer } what the rows are
---@param options? rowan.InsertFromOptions
---@return integer count rows stored
function Writers:insertFrom(source, options)
  local context = self.name .. ":insertFrom"
  check.keys(options, INSERT_FROM, context, "QueryError")
  return insert_from.rows(self, source, options or {}, context)
end

---Deletes all rows that match `where`; `where = rowan.all` for every row. A paranoid model marks them as deleted, unless
---`force` is true. `limit` deletes so many at most, the first by `order` or else by primary key.
---Raises QueryError without `where`, ForeignKeyConstraintError when rows of other tables hold one.
---
---    User:destroy{ where = { active = false } }    -- DELETE FROM "users" WHERE "active" = $1
---@async
---@param options rowan.BulkDestroyOptions
---@return integer count rows deleted
function Writers:destroy(options)
  check.colon(self, "definition", "Model:destroy")
  local context = self.name .. ":destroy"
  bulk.check_where(self, options, context)
  expression.check_options(options, DESTROY, context, self.definition.plugin_options)
  if self.definition.watched then return bulk_life.destroy(self, options, context) end
  return bulk.delete(self, options, context)
end

---Brings back rows that were deleted softly; only for paranoid models.
---Raises QueryError without `where`, or on a model that is not paranoid.
---
---    Draft:restore{ where = { id = 7 } }
---    -- UPDATE "drafts" SET "deleted_at" = $1 WHERE "id" = $2 AND "deleted_at" IS NOT NULL
---@async
---@param _? rowan.RestoreOptions
---@return integer count rows restored
function Writers:restore(_)
  check.colon(self, "definition", "Model:restore")
  errors.raise("QueryError", {
    message = self.name .. ":restore: the model is not paranoid, so its rows are deleted for good",
  })
end

---Adds to numbers of all rows that match `where`, where they are stored; `where = rowan.all` for every row. Neither hooks
---nor validation run. A sum beyond what the column holds is an error, and NULL stays NULL.
---
---    User:increment("visits", { where = { id = 7 } })
---    -- UPDATE "users" SET "visits" = "visits" + $1, "updated_at" = $2 WHERE "id" = $3
---    User:increment({ wins = 1, points = 3 }, { where = { id = 7 } })
---@async
---@param fields string|string[]|table<string, number>
---@param options rowan.IncrementOptions
---@return integer count rows changed
---@return rowan.Row[]? rows with `returning`
function Writers:increment(fields, options)
  check.colon(self, "definition", "Model:increment")
  local context = self.name .. ":increment"
  bulk.check_where(self, options, context)
  expression.check_options(options, INCREMENT, context, self.definition.plugin_options)
  return increment.rows(self, fields, options, 1, context)
end

---The opposite of increment. Raises as increment.
---
---    User:decrement("visits", { by = 2, where = { id = 7 } })
---    -- UPDATE "users" SET "visits" = "visits" + $1 WHERE "id" = $2
---@async
---@param fields string|string[]|table<string, number>
---@param options rowan.IncrementOptions
---@return integer count rows changed
---@return rowan.Row[]? rows with `returning`
function Writers:decrement(fields, options)
  check.colon(self, "definition", "Model:decrement")
  local context = self.name .. ":decrement"
  bulk.check_where(self, options, context)
  expression.check_options(options, INCREMENT, context, self.definition.plugin_options)
  return increment.rows(self, fields, options, -1, context)
end

---Empties the table, soft-deleted rows and all, whatever the default scope; no hooks run. Refused while rows of other tables could point at its rows,
---unless `cascade` empties those tables too. `restartIdentity` lets generated keys begin anew.
---Raises DatabaseError or QueryError when rows of other tables could point at its rows, QueryError for a model in a scope
---that was asked for: it would empty more than that.
---
---    User:truncate{ restartIdentity = true }   -- TRUNCATE TABLE "users" RESTART IDENTITY
---@async
---@param options? rowan.TruncateOptions
function Writers:truncate(options)
  check.colon(self, "definition", "Model:truncate")
  check.keys(options, TRUNCATE, self.name .. ":truncate", "QueryError")
  if self.scoped and self.scoped ~= self.definition.options.defaultScope then
    errors.raise("QueryError", {
      message = self.name .. ":truncate empties the whole table, not a scope of it; use destroy, or unscoped()",
    })
  end
  truncate.model(self, options or {})
end

return Writers
