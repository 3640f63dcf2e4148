-- Hooks: which run around what, in which order, and what an error in one of them stops.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

local ROW = {
  "beforeValidate", "afterValidate", "validationFailed", "beforeCreate", "afterCreate", "beforeUpdate", "afterUpdate",
  "beforeSave", "afterSave", "beforeDestroy", "afterDestroy",
}

helper.each(function(_, connect)
  local db, User

  local function define(options)
    db = connect({ warnings = false })
    User = db:define("User", { name = { type = DataTypes.STRING, allowNull = false, unique = true },
      slug = DataTypes.STRING, age = DataTypes.INTEGER }, options)
    db:sync()
  end

  -- The names of the hooks that ran, in their order.
  local function record(names)
    local seen = {}
    for _, name in ipairs(names) do
      User:addHook(name, "record", function() seen[#seen + 1] = name end)
    end
    return seen
  end

  describe("around one row, hooks", function()
    it("run in the order of validation, create, save", function()
      define()
      local seen = record(ROW)
      local user = User:create({ name = "ann" })
      assert.same({ "beforeValidate", "afterValidate", "beforeCreate", "beforeSave", "afterCreate", "afterSave" }, seen)
      for i = #seen, 1, -1 do seen[i] = nil end
      user.age = 3
      user:save()
      assert.same({ "beforeValidate", "afterValidate", "beforeUpdate", "beforeSave", "afterUpdate", "afterSave" }, seen)
      for i = #seen, 1, -1 do seen[i] = nil end
      user:destroy()
      assert.same({ "beforeDestroy", "afterDestroy" }, seen)
    end)

    it("run before nothing is written, but not after it", function()
      define()
      local user = User:create({ name = "ann" })
      local seen = record(ROW)
      -- BEGIN and COMMIT alone.
      assert.equal(2, helper.count(function() user:save() end))
      assert.same({ "beforeValidate", "afterValidate", "beforeUpdate", "beforeSave" }, seen)
    end)

    it("have their changes written", function()
      define({ hooks = { beforeValidate = function(user) user.slug = user.name end,
        beforeUpdate = function(user) user.slug = user.name .. "!" end } })
      local user = User:create({ name = "ann" })
      assert.equal("ann", User:findByPk(user.id).slug)
      user:update({ age = 4 })
      local read = User:findByPk(user.id)
      assert.equal("ann!", read.slug)
      assert.equal(4, read.age)
    end)

    it("leave nothing behind when one of them raises", function()
      define()
      User:beforeCreate("stop", function() error("no", 0) end)
      assert.equal("no", helper.error_of(function() User:create({ name = "ann" }) end))
      User:removeHook("beforeCreate", "stop")
      User:afterCreate(function() error("late", 0) end)
      local user = User:build({ name = "ann" })
      assert.equal("late", helper.error_of(function() user:save() end))
      assert.is_true(user.isNewRecord)
      assert.is_nil(user.id)
      assert.is_nil(user.createdAt)
      assert.equal(0, User:count())
      User:removeHook("afterCreate", "stop")
    end)

    it("hear of what is not valid, and may raise something else", function()
      define()
      local failed
      User:validationFailed(function(user, _, err) failed = { user.age, err.errors[1].path } end)
      local err = helper.error_of(function() User:create({ age = 7 }) end)
      assert.is_true(rowan.is(err, "ValidationError"))
      assert.same({ 7, "name" }, failed)
      User:validationFailed(function() error("other", 0) end)
      assert.equal("other", helper.error_of(function() User:create({ age = 7 }) end))
    end)

    it("are passed over with hooks = false", function()
      define()
      local seen = record(ROW)
      local user = User:create({ name = "ann" }, { hooks = false })
      User:beforeFind(function() seen[#seen + 1] = "beforeFind" end)
      user:reload({ hooks = false })
      user:update({ age = 1 }, { hooks = false })
      user:destroy({ hooks = false })
      assert.same({}, seen)
    end)

    it("of finders find the transaction that they are in", function()
      define()
      local seen = {}
      for _, name in ipairs({ "beforeFind", "beforeCount" }) do
        User:addHook(name, function(options) seen[#seen + 1] = options.transaction end)
      end
      User:addHook("afterFind", function(_, options) seen[#seen + 1] = options.transaction end)
      User:findAll()
      assert.same({}, seen)
      db:transaction(function(t)
        User:findAll()
        User:count()
        for i = 1, 3 do assert.equal(t, seen[i]) end
      end)
    end)

    it("and plugins are told the context of the call, also of calls inside of it", function()
      db = connect({ warnings = false })
      local seen, all = {}, {}
      local function told(who, options)
        assert.equal("ann", options.context and options.context.actor, who)
        seen[who] = true
      end
      for _, name in ipairs({ "Create", "Update", "Destroy", "Restore", "Save", "Validate" }) do
        if name ~= "Validate" then all["after" .. name] = function(_, options) told("after" .. name, options) end end
        all["before" .. name] = function(_, options) told("before" .. name, options) end
      end
      for _, name in ipairs({ "BulkUpdate", "BulkDestroy", "BulkRestore", "Find", "Count" }) do
        all["before" .. name] = function(options) told("before" .. name, options) end
      end
      all.beforeBulkCreate = function(_, options) told("beforeBulkCreate", options) end
      all.beforeUpsert = function(_, options) told("beforeUpsert", options) end
      local watch = { name = "watch", read = function(next_one, reading)
        told("read", reading.options)
        return next_one()
      end, write = {} }
      for _, kind in ipairs({ "insert", "update", "destroy", "bulkInsert", "bulkUpdate", "bulkDestroy" }) do
        watch.write[kind] = function(next_one, change)
          told(kind, change.options)
          return next_one()
        end
      end
      local options = { paranoid = true, hooks = all, plugins = { watch } }
      local One = db:define("One", { name = { type = DataTypes.STRING, unique = true }, n = DataTypes.INTEGER }, options)
      local Two = db:define("Two", { name = DataTypes.STRING, oneId = DataTypes.INTEGER }, options)
      local Link = db:define("Link", {}, { hooks = all, plugins = { watch } })
      One:hasMany(Two, { as = "twos", foreignKey = "oneId", onDelete = "CASCADE", hooks = true })
      One:belongsToMany(Two, { through = Link, as = "others" })
      db:sync()
      local call = { context = { actor = "ann" } }
      local function with(more)
        more.context = call.context
        return more
      end
      local one = One:create({ name = "a", n = 1, twos = { { name = "b" } } }, with{ include = "twos" })
      one:update({ n = 2 }, call)
      one:save(call)
      one:validate(call)
      one:increment("n", call)
      One:increment("n", with{ where = { name = "a" } })
      one:createTwo({ name = "c" }, call)
      one:addOther(one:getTwos(call)[1], call)
      one:setOthers({}, call)
      one:countTwos(call)
      one:destroy(call)
      one:restore(call)
      One:upsert({ name = "a", n = 3 }, call)
      One:findOrCreate(with{ where = { name = "d" } })
      One:findAndCountAll(call)
      One:findByPk(one.id, call)
      One:count(call)
      One:bulkCreate({ { name = "x" }, { name = "y" } }, with{ individualHooks = true })
      One:update({ n = 9 }, with{ where = { name = "x" }, individualHooks = true })
      One:destroy(with{ where = { name = "x" }, individualHooks = true })
      One:restore(with{ where = { name = "x" }, individualHooks = true })
      One:findOne(call):reload(call)
      for name in pairs(all) do assert.is_true(seen[name], name) end
      for kind in pairs(watch.write) do assert.is_true(seen[kind], kind) end
      assert.is_true(seen.read)
    end)

    it("find the transaction of the call among the options", function()
      define()
      local committed = {}
      User:afterCreate(function(user, options)
        options.transaction:afterCommit(function() committed[#committed + 1] = user.name end)
      end)
      User:create({ name = "ann" })
      assert.same({ "ann" }, committed)
      db:transaction(function()
        User:create({ name = "bob" })
        assert.same({ "ann" }, committed)
      end)
      assert.same({ "ann", "bob" }, committed)
    end)
  end)

  describe("in front of a write, hooks", function()
    it("may put nothing invalid into a stored row, and may add to fields", function()
      define()
      local Guest = db:define("Guest", {
        { "name", DataTypes.STRING, validate = { len = { 2, 5 } } }, { "mood", DataTypes.STRING },
      })
      db:sync()
      local guest = Guest:create({ name = "ann" })
      local remove = Guest:beforeUpdate(function(row) row.name = "much too long" end)
      local err = helper.error_of(guest.update, guest, { mood = "sad" })
      assert.equal("Validation len on name failed", err.message)
      assert.equal("ann", guest.name)
      guest:update({ mood = "glad" }, { validate = false })
      remove()
      Guest:beforeCreate(function(row) row.mood = "new" end)
      local other = Guest:build({ name = "bea" })
      other:save({ fields = { "name" } })
      assert.equal("new", Guest:findByPk(other.id).mood)
    end)
  end)

  describe("behind a write, hooks", function()
    it("are told what it changed, although it is stored by then", function()
      define()
      local seen = {}
      local function note(user)
        local names = user:changed() or {}
        table.sort(names)
        seen[#seen + 1] = ("%s: %s -> %s"):format(table.concat(names, " "), tostring(user:previous("name")), user.name)
      end
      User:afterCreate(note)
      User:afterUpdate(note)
      local user = User:create({ name = "ann" })
      user:update({ name = "bea" })
      assert.is_false(user:changed())
      assert.equal("bea", user:previous("name"))
      User:update({ name = "cid" }, { where = rowan.all, individualHooks = true })
      assert.matches("name", seen[1])
      assert.matches("nil %-> ann$", seen[1])
      assert.equal("name: ann -> bea", seen[2])
      assert.equal("name: bea -> cid", seen[3])
      User:afterUpdate(function() error("no") end)
      helper.error_of(user.update, user, { name = "dan" })
      assert.equal("bea", user:previous("name"))
      assert.same({ "name" }, user:changed() or { "name" })
    end)

    it("can be anything that can be called", function()
      define()
      local calls = 0
      local spy = setmetatable({}, { __call = function() calls = calls + 1 end })
      User:beforeCreate(spy)
      User.hooks:addListeners({ afterCreate = { spy, { name = "spy", callback = spy } } })
      User:create({ name = "ann" })
      assert.equal(3, calls)
      assert.is_true(User:removeHook("afterCreate", "spy"))
      assert.matches("callback", helper.error_of(User.hooks.addListeners, User.hooks, {
        afterCreate = { { name = "x", calback = spy } },
      }).message)
      assert.is_true(User:removeHook("beforeCreate", spy))
      assert.matches("must be a function", helper.error_of(User.addHook, User, "beforeCreate", 3).message)
    end)
  end)

  describe("around many rows, hooks", function()
    it("of the call see the rows and the options", function()
      define()
      local seen = {}
      User:beforeBulkCreate(function(rows) seen[#seen + 1] = #rows; rows[1].age = 9 end)
      User:afterBulkCreate(function(rows) seen[#seen + 1] = rows[1].id end)
      User:beforeBulkUpdate(function(options) options.attributes.slug = "s" end)
      User:beforeBulkDestroy(function(options) options.where = { name = "bob" } end)
      local list = User:bulkCreate({ { name = "ann" }, { name = "bob" } })
      assert.same({ 2, list[1].id }, seen)
      assert.equal(9, User:findByPk(list[1].id).age)
      assert.equal(2, (User:update({ age = 1 }, { where = rowan.all })))
      assert.equal("s", User:findOne({ where = { name = "bob" } }).slug)
      assert.equal(1, User:destroy({ where = { name = "ann" } }))
      assert.equal("ann", User:findOne().name)
      User:beforeBulkUpdate(function(options) options.attributes = nil end)
      assert.equal("User:update: options.attributes must be a table, not nil",
        helper.error_of(function() User:update({ age = 2 }, { where = rowan.all }) end).message)
    end)

    it("of each row run with individualHooks, in statements that do not grow", function()
      define()
      User:beforeCreate(function(user) user.slug = user.name:upper() end)
      local seen = record({ "afterCreate", "beforeUpdate", "afterUpdate", "beforeDestroy", "afterDestroy" })
      local list = {}
      for i = 1, 20 do list[i] = { name = "u" .. i } end
      -- BEGIN, INSERT, COMMIT
      assert.equal(3, helper.count(function() User:bulkCreate(list, { individualHooks = true }) end))
      assert.equal(20, #seen)
      assert.equal("U7", User:findOne({ where = { name = "u7" } }).slug)
      assert.equal(4, helper.count(function()
        User:update({ age = 2 }, { where = { name = { "u1", "u2", "u3" } }, individualHooks = true })
      end))
      assert.equal(3, User:count({ where = { age = 2 } }))
      assert.equal(26, #seen)
      assert.equal(4, helper.count(function()
        assert.equal(2, User:destroy({ where = { name = { "u1", "u2" } }, individualHooks = true }))
      end))
      assert.equal(18, User:count())
      assert.equal(30, #seen)
    end)

    it("of each row may give each its own values", function()
      define()
      User:bulkCreate({ { name = "a" }, { name = "b" } })
      User:beforeUpdate(function(user) user.slug = user.name .. user.age end)
      User:update({ age = 2 }, { where = rowan.all, individualHooks = true })
      local slugs = {}
      for i, user in ipairs(User:findAll({ order = { "name" } })) do slugs[i] = user.slug end
      assert.same({ "a2", "b2" }, slugs)
    end)

    it("of each row hold for the rows that a limit leaves, and all of it or nothing is done", function()
      define()
      User:bulkCreate({ { name = "a" }, { name = "b" }, { name = "c" } })
      local seen = {}
      User:beforeUpdate(function(user)
        seen[#seen + 1] = user.name
        user.slug = user.name
        if user.age == 8 and user.name == "b" then user.name = "a" end
      end)
      User:update({ age = 7 }, { where = rowan.all, limit = 2, order = { "name" }, individualHooks = true })
      assert.same({ "a", "b" }, seen)
      assert.equal(2, User:count({ where = { age = 7 } }))
      assert.equal("UniqueConstraintError", helper.error_of(function()
        User:update({ age = 8 }, { where = rowan.all, order = { "name" }, limit = 3, individualHooks = true })
      end).name)
      assert.equal(0, User:count({ where = { age = 8 } }))
    end)

    it("of each row go through setters", function()
      db = connect({ warnings = false })
      User = db:define("User", { name = { type = DataTypes.STRING, set = function(self, value)
        self:setDataValue("name", value .. "!")
      end } }, { hooks = { beforeUpdate = function() end } })
      db:sync()
      User:create({ name = "a" })
      User:update({ name = "b" }, { where = rowan.all, individualHooks = true })
      assert.equal("b!", User:findOne().name)
    end)

    it("of each row run by themselves where the model says so", function()
      local seen = {}
      define({ individualHooks = true, hooks = {
        afterUpdate = function(user) seen[#seen + 1] = "updated " .. user.name end,
        beforeDestroy = function(user) seen[#seen + 1] = "destroyed " .. user.name end,
      } })
      assert.equal(1, helper.count(function() User:bulkCreate({ { name = "a" }, { name = "b" } }) end))
      local count, rows = User:update({ age = 1 }, { where = { name = "a" } })
      assert.same({ 1, "a" }, { count, rows[1].name })
      User:update({ age = 2 }, { where = { name = "b" }, individualHooks = false })
      User:update({ age = 3 }, { where = { name = "b" }, hooks = false })
      User:destroy({ where = { name = "b" } })
      assert.same({ "updated a", "destroyed b" }, seen)
    end)

    it("that are passed over are told of once", function()
      local told = {}
      db = connect({ warnings = function(message) told[#told + 1] = message end })
      User = db:define("User", { name = DataTypes.STRING }, { hooks = { beforeUpdate = function() end } })
      db:sync()
      User:create({ name = "a" })
      User:update({ name = "b" }, { where = rowan.all, hooks = false })
      User:update({ name = "b" }, { where = rowan.all })
      User:update({ name = "c" }, { where = rowan.all })
      assert.equal(1, #told)
      assert.truthy(told[1]:find("User:update runs no hook beforeUpdate", 1, true))
      User:beforeValidate(function() end)
      for _ = 1, 2 do User:bulkCreate({ { name = "d" } }) end
      assert.equal(2, #told)
      assert.truthy(told[2]:find("User:bulkCreate runs no hook beforeValidate", 1, true))
    end)
  end)

  describe("around rows that may be there already, hooks", function()
    it("run for the row that is made, and not for one that is found", function()
      define()
      local seen = record(ROW)
      User:findOrCreate({ where = { name = "ann" } })
      assert.same({ "beforeValidate", "afterValidate", "beforeCreate", "beforeSave", "afterCreate", "afterSave" }, seen)
      User:findOrCreate({ where = { name = "ann" } })
      assert.equal(6, #seen)
    end)

    it("of an upsert may change its values, and hear what became of them", function()
      define()
      local seen = record({ "beforeCreate", "beforeUpdate", "beforeBulkCreate" })
      User:beforeValidate(function(user) user.slug = user.name .. "!" end)
      User:beforeUpsert(function(values) values.age = 7 end)
      local created = {}
      User:afterUpsert(function(pair) created[#created + 1] = pair[2] end)
      User:upsert({ name = "ann" })
      User:upsert({ name = "ann", age = 1 })
      assert.same({ true, false }, created)
      assert.same({}, seen)
      local user = User:findOne()
      assert.equal(7, user.age)
      assert.equal("ann!", user.slug)
    end)
  end)

  describe("around searches, hooks", function()
    it("may change the options, and see what was found", function()
      define()
      User:bulkCreate({ { name = "a", age = 1 }, { name = "b", age = 2 } })
      User:beforeFind(function(options) options.where = { age = 2 } end)
      User:beforeCount(function(options) options.where = { age = 5 } end)
      local found = {}
      User:afterFind(function(result) found[#found + 1] = result and (result.name or #result) or "none" end)
      assert.equal("b", User:findAll()[1].name)
      assert.equal("b", User:findOne().name)
      assert.equal(0, User:findAndCountAll().count)
      assert.equal(0, User:count())
      assert.equal(2, #User:findAll({ hooks = false }))
      assert.same({ 1, "b", 1 }, found)
    end)

    it("run for a search by key", function()
      define()
      local user = User:create({ name = "a" })
      local seen = record({ "beforeFind", "beforeFindAfterExpandIncludeAll", "beforeFindAfterOptions", "afterFind" })
      assert.equal("a", User:findByPk(user.id).name)
      assert.same({ "beforeFind", "beforeFindAfterExpandIncludeAll", "beforeFindAfterOptions", "afterFind" }, seen)
    end)
  end)

  describe("around associations, hooks", function()
    it("of the target run when it is searched, linked and let go of", function()
      define()
      local Post = db:define("Post", { title = DataTypes.STRING })
      local Profile = db:define("Profile", { bio = DataTypes.STRING })
      User:hasMany(Post, { as = "posts" })
      User:hasOne(Profile, { as = "profile" })
      Profile:belongsTo(User, { as = "user" })
      User:belongsToMany(User, { as = "friends", through = "Friends" })
      db:sync()
      local ann, bob = User:create({ name = "ann" }), User:create({ name = "bob" })
      local post, profile = Post:create({ title = "t" }), Profile:create({ bio = "b" })
      local seen = {}
      for _, name in ipairs({ "afterFind", "beforeBulkUpdate", "afterUpdate", "beforeUpdate" }) do
        db:addHook(name, function(row) seen[#seen + 1] = name .. (row.Model and " " .. row.Model.name or "") end)
      end
      local function heard(fn)
        fn()
        local said = table.concat(seen, ", ")
        seen = {}
        return said
      end
      assert.equal("beforeBulkUpdate", heard(function() ann:addPost(post) end))
      assert.equal("afterFind", heard(function() ann:getPosts() end))
      -- Whoever was the profile before is let go of by a bulk update.
      assert.equal("beforeBulkUpdate, beforeUpdate Profile, afterUpdate Profile",
        heard(function() ann:setProfile(profile) end))
      assert.equal(ann.id, profile.userId)
      assert.equal("beforeUpdate Profile, afterUpdate Profile", heard(function() profile:setUser(bob) end))
      assert.equal(bob.id, Profile:findByPk(profile.id, { hooks = false }).userId)
      ann:addFriend(bob, { hooks = false })
      seen = {}
      assert.equal("afterFind", heard(function() ann:getFriends({ where = { name = "bob" } }) end))
    end)

    it("of rows alone leave getters their one statement for all", function()
      define({ hooks = { beforeCreate = function() end } })
      local Post = db:define("Post", { title = DataTypes.STRING }, { hooks = { beforeCreate = function() end } })
      User:hasMany(Post, { as = "posts" })
      db:sync()
      for i = 1, 3 do User:create({ name = "u" .. i, posts = { { title = "t" } } }, { include = "posts" }) end
      local users = User:findAll()
      assert.equal(1, helper.count(function() for _, user in ipairs(users) do user:getPosts() end end))
    end)
  end)

  describe("hooks", function()
    it("are an object too, as in Sequelize's newer form", function()
      define()
      local count = 0
      local remove = User.hooks:addListener("beforeCreate", function() count = count + 1 end, "count")
      User.hooks:addListeners({ afterCreate = function() count = count + 10 end })
      User:create({ name = "a" })
      assert.equal(11, count)
      assert.is_true(User.hooks:hasListeners("beforeCreate"))
      remove()
      assert.is_false(User.hooks:removeListener("beforeCreate", "count"))
      User.hooks:removeAllListeners()
      db.hooks:removeAllListeners()
      User:create({ name = "b" })
      assert.equal(11, count)
    end)

    it("may wait for queries of their own, side by side", function()
      define()
      local Log = db:define("Log", { what = DataTypes.STRING })
      db:sync()
      User:beforeCreate(function(user) user.age = Log:count() end)
      User:afterCreate(function(user) Log:create({ what = user.name }) end)
      db:transaction(function() User:create({ name = "first" }) end)
      rowan.all({
        function() db:transaction({ type = db.dialect == "sqlite" and "IMMEDIATE" or nil }, function()
          User:create({ name = "a" })
        end) end,
        function() return User:findOne({ where = { name = "first" } }) end,
      })
      assert.equal(2, Log:count())
      assert.equal(2, User:count())
    end)

    it("do not change what the caller gave", function()
      define()
      local options = { where = { name = "a" } }
      User:beforeFind(function(given) given.where.name = "b" end)
      User:bulkCreate({ { name = "a" }, { name = "b" } })
      assert.equal("b", User:findOne(options).name)
      assert.equal("a", options.where.name)
    end)

    it("of the model run before those of the database", function()
      define()
      local seen = {}
      db:addHook("beforeCreate", function() seen[#seen + 1] = "database" end)
      local remove = User:addHook("beforeCreate", function() seen[#seen + 1] = "model" end)
      User:create({ name = "a" })
      assert.same({ "model", "database" }, seen)
      remove()
      User:create({ name = "b" })
      assert.same({ "model", "database", "database" }, seen)
      local Other = db:define("Other", { name = DataTypes.STRING })
      assert.is_true(Other:hasHook("beforeCreate"))
      assert.is_false(Other:hasHook("afterCreate"))
    end)

    it("of definitions see them, and may change them", function()
      db = connect()
      db:beforeDefine(function(attributes, options, name)
        attributes.tag = DataTypes.STRING
        options.tableName = "t_" .. name
      end)
      local defined
      db:afterDefine(function(model) defined = model end)
      User = db:define("User", { name = DataTypes.STRING })
      assert.equal(User, defined)
      assert.equal("t_User", User.tableName)
      assert.truthy(User.rawAttributes.tag)
    end)

    it("of definitions may give another name, and other names of the table", function()
      db = connect()
      db:beforeDefine(function(_, options)
        options.modelName = options.modelName .. "X"
        options.name.plural = "manyX"
      end)
      User = db:define("User", { name = DataTypes.STRING })
      assert.same({ "UserX", "manyX" }, { User.name, User.tableName })
      assert.equal(User, db:model("UserX"))
      assert.is_false(db:isDefined("User"))
    end)

    it("of associations see both models, and the association once it is there", function()
      define()
      local Post = db:define("Post", { title = DataTypes.STRING })
      local seen = {}
      User:beforeAssociate(function(about) seen[1] = about.kind .. " " .. about.target.name end)
      db:afterAssociate(function(about) seen[2] = about.association.as end)
      User:hasMany(Post, { as = "posts" })
      assert.same({ "hasMany Post", "posts" }, seen)
    end)

    it("of sync run around all and around each, and stop it with an error", function()
      define()
      local seen = {}
      for _, name in ipairs({ "beforeBulkSync", "beforeSync", "afterSync", "afterBulkSync" }) do
        db:addHook(name, name, function() seen[#seen + 1] = name end)
      end
      db:sync()
      assert.same({ "beforeBulkSync", "beforeSync", "afterSync", "afterBulkSync" }, seen)
      User:sync({ hooks = false })
      assert.equal(4, #seen)
      db:define("Other", { name = DataTypes.STRING }, { hooks = { afterSync = function() error("no", 0) end } })
      assert.equal("no", helper.error_of(function() db:sync() end))
      assert.truthy(helper.error_of(function() db:model("Other"):count() end))
    end)

    it("of queries see every statement", function()
      define()
      local sent, done = {}, 0
      db:beforeQuery("watch", function(_, query) sent[#sent + 1] = query.sql end)
      db:afterQuery(function(_, query) done = done + (query.error and 10 or 1) end)
      assert.same(helper.statements(function() db:transaction(function() User:create({ name = "a" }) end) end), sent)
      assert.equal(3, done)
      helper.error_of(function() User:create({ name = "a" }) end)
      assert.equal(13, done)
      local found = {}
      db:beforeQuery("own", function(options) options.note = "mine" end)
      db:afterQuery("own", function(options, query) found = { options.note, options.transaction, query.transaction } end)
      local given = { where = { name = "a" } }
      User:findOne(given)
      User:findByPk(1)
      assert.same({ "mine" }, found)
      assert.is_nil(given.note)
      db:transaction(function(t)
        User:findByPk(1)
        assert.same({ "mine", t, t }, found)
      end)
    end)

    it("have the options of their call as they leave them: bulkCreate", function()
      define()
      User:create({ name = "ann", age = 1 })
      local function with(change, list)
        User:addHook("beforeBulkCreate", "change", change)
        local rows, what = User:bulkCreate(list)
        User:removeHook("beforeBulkCreate", "change")
        return rows, what
      end
      local _, what = with(function(_, options) options.ignoreDuplicates = true end, { { name = "ann" }, { name = "b" } })
      assert.same({ "skipped", "created" }, { what[1], what[2] })
      local rows = with(function(_, options)
        options.updateOnDuplicate, options.conflictAttributes = { "age" }, { "name" }
      end, { { name = "ann", age = 7, slug = "s" } })
      assert.equal(7, rows[1].age)
      local ann = User:findOne({ where = { name = "ann" } })
      assert.same({ 7, nil }, { ann.age, ann.slug })
      rows = with(function(_, options) options.fields = { "name" } end, { { name = "c", age = 3 } })
      assert.equal(3, rows[1].age)
      assert.is_nil(User:findByPk(rows[1].id).age)
      rows = with(function(list, options)
        list[#list + 1] = User:build({ name = "more", age = 9 })
        options.updateOnDuplicate, options.conflictAttributes = true, { "name" }
      end, { { name = "ann", age = 8 } })
      assert.same({ 8, 9 }, { rows[1].age, rows[2].age })
      assert.equal("9", tostring(User:findOne({ where = { name = "more" } }).age))
      assert.equal(4, User:count())
    end)

    it("have the options of an association, and may add to them", function()
      define()
      local Post = db:define("Post", { title = DataTypes.STRING })
      Post:addHook("beforeAssociate", function(_, options) options.as = "writer" end)
      local given = {}
      assert.equal("writer", Post:belongsTo(User, given).as)
      assert.is_nil(given.as)
    end)

    it("are refused by name where they cannot be", function()
      define()
      local function message(fn) return helper.error_of(fn).message end
      assert.truthy(message(function() User:addHook("beforeCraete", print) end)
        :find('did you mean "beforeCreate"', 1, true))
      assert.truthy(message(function() db:addHook("beforeDestroyMany", print) end):find("beforeBulkDestroy", 1, true))
      assert.truthy(message(function() User:addHook("beforeDefine", print) end):find("one of the database", 1, true))
      assert.is_nil(User.beforeDefine)
      assert.truthy(message(function() User.beforeCreate(print) end):find("wants a colon", 1, true))
      assert.truthy(message(function() User.addHook("beforeCreate", print) end):find("Model:addHook", 1, true))
      assert.truthy(message(function() User:beforeCreate("x") end):find("must be a function", 1, true))
      assert.equal("the model User: the hooks must be a table, not a string",
        message(function() User.hooks:addListeners("beforeCreate", print) end))
      assert.truthy(message(function() db:define("X", { a = DataTypes.TEXT }, { hooks = { before = print } }) end)
        :find("there is no hook", 1, true))
    end)
  end)

  describe("hooks of rows that come along", function()
    it("run for nested rows and for what association methods make", function()
      define()
      local Post = db:define("Post", { title = DataTypes.STRING })
      local Tag = db:define("Tag", { name = DataTypes.STRING })
      local Link = db:define("Link", { rank = DataTypes.INTEGER })
      User:hasMany(Post, { as = "posts" })
      Post:belongsToMany(Tag, { through = Link, as = "tags" })
      db:sync()
      local seen = {}
      local function note(row) seen[#seen + 1] = row.Model.name .. (row.isNewRecord and " new" or "") end
      db:addHook("beforeCreate", note)
      db:addHook("afterCreate", note)
      local user = User:create({ name = "a", posts = { { title = "t", tags = { { name = "x" } } } } },
        { include = { { association = "posts", include = "tags" } } })
      assert.same({ "User new", "Post new", "Tag new", "Tag", "Link new", "Link", "Post", "User" }, seen)
      for i = #seen, 1, -1 do seen[i] = nil end
      local post = user:createPost({ title = "u" })
      post:addTags(Tag:findAll())
      assert.same({ "Post new", "Post", "Link new", "Link" }, seen)
    end)

    it("in front take back what they wrote when one raises, and cost nothing when they write nothing", function()
      define()
      local Log = db:define("Log", { text = DataTypes.STRING }, { timestamps = false })
      Log:sync()
      local ended, stop, user = {}, nil, User:create({ name = "ann" })
      local function note(_, options)
        Log:create({ text = "x" })
        options.transaction:afterRollback(function() ended[#ended + 1] = "rollback" end)
        options.transaction:afterCommit(function() ended[#ended + 1] = "commit" end)
        if stop then error("no", 0) end
      end
      for _, name in ipairs({ "beforeCreate", "beforeUpdate", "beforeDestroy", "beforeUpsert" }) do
        User:addHook(name, note)
      end
      for _, name in ipairs({ "beforeBulkCreate", "beforeBulkUpdate", "beforeBulkDestroy" }) do
        User:addHook(name, function(first, second) note(first, second or first) end)
      end
      local calls = {
        function() User:create({ name = "bob" }) end,
        function() user:update({ age = 3 }) end,
        function() User:bulkCreate({ { name = "cid" } }) end,
        function() User:update({ age = 4 }, { where = { name = "ann" } }) end,
        function() User:update({ age = 5 }, { where = { name = "ann" }, individualHooks = true }) end,
        function() User:upsert({ name = "dan" }) end,
        function() User:destroy({ where = { name = "cid" } }) end,
        function() user:destroy() end,
      }
      for i, call in ipairs(calls) do
        for _, within in ipairs({ function(fn) fn() end, function(fn) db:transaction(fn) end }) do
          stop = true
          assert.equal("no", helper.error_of(within, call))
          assert.equal(0, Log:count())
          assert.equal("rollback", ended[#ended])
        end
        stop = false
        call()
        assert.equal(i == 5 and 2 or 1, Log:count())
        assert.equal("commit", ended[#ended])
        Log:destroy({ where = rowan.all })
      end
      User.hooks:removeAllListeners()
      User:addHook("beforeCreate", function() ended[1] = "sent" end)
      assert.equal(1, helper.count(function() User:create({ name = "eve" }, { fields = { "name" } }) end))
      assert.equal("sent", ended[1])
    end)

    it("that roll the transaction back leave no success", function()
      define({ hooks = { afterCreate = function(_, options) options.transaction:rollback() end } })
      local user = User:build({ name = "ann" })
      assert.matches("rolled back", helper.error_of(user.save, user).message)
      assert.is_true(user.isNewRecord)
      assert.equal(0, User:count())
    end)

    it("undo all of it with an error", function()
      define()
      local Post = db:define("Post", { title = DataTypes.STRING })
      User:hasMany(Post, { as = "posts" })
      db:sync()
      Post:afterCreate(function() error("no", 0) end)
      local user = User:build({ name = "a" })
      assert.equal("no", helper.error_of(function()
        User:create({ name = "a", posts = { { title = "t" } } }, { include = "posts" })
      end))
      assert.is_true(user.isNewRecord)
      assert.equal(0, User:count())
      assert.equal(0, Post:count())
    end)
  end)
end)
