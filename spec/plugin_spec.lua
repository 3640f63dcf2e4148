-- Plugins: what one of a user's own can do on the seams that timestamps, paranoid and version use.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes

helper.each(function(_, connect)
  local db
  before_each(function() db = connect({ warnings = false }) end)

  it("a plugin adds attributes, methods and hooks, with options of its own", function()
    local slug = {
      name = "slug", options = { "from" },
      define = function(draft) draft:attribute("slug", { type = DataTypes.STRING, allowNull = true }, "the slug") end,
      apply = function(model, options)
        model:beforeValidate(function(row) row.slug = row[options.from]:lower():gsub("%W+", "-") end)
      end,
      class = { findBySlug = function(self, text) return self:findOne({ where = { slug = text } }) end },
      instance = { path = function(self) return "/" .. self.slug end },
    }
    local Post = db:define("Post", { title = DataTypes.STRING }, { plugins = { { slug, from = "title" } } })
    db:sync()
    assert.same({ "id", "title", "createdAt", "updatedAt", "slug" }, Post.attributeNames)
    Post:create({ title = "Hello World" })
    assert.equal("/hello-world", Post:findBySlug("hello-world"):path())
  end)

  it("a filter is on every query, and a call can turn it off by its own option", function()
    local current = 1
    local tenant = {
      name = "tenant",
      define = function(draft)
        draft:attribute("tenantId", { type = DataTypes.INTEGER, allowNull = false }, "the tenant")
        draft:filter({ option = "tenant", where = function(said) return { tenantId = said or current } end })
      end,
      hooks = { beforeValidate = function(row) row.tenantId = row.tenantId or current end },
    }
    db:plugin(tenant)
    local User = db:define("User", { name = DataTypes.STRING })
    local Post = db:define("Post", { title = DataTypes.STRING })
    User:hasMany(Post, { as = "posts" })
    db:sync()
    local ann = User:create({ name = "ann" })
    ann:createPost({ title = "a" })
    current = 2
    User:create({ name = "bob" })
    assert.equal(1, User:count())
    assert.equal("bob", User:findOne({ include = "posts" }).name)
    assert.is_nil(User:findByPk(ann.id))
    assert.equal(0, #ann:getPosts())
    assert.equal(1, User:count({ tenant = 1 }))
    assert.equal(2, User:count({ tenant = false }))
    assert.equal(1, #User:findByPk(ann.id, { tenant = 1, include = { { association = "posts", tenant = false } } }).posts)
    assert.equal(1, (User:update({ name = "x" }, { where = rowan.all })))
    assert.equal(0, User:destroy({ where = { name = "ann" } }))
    assert.equal(1, User:destroy({ where = { name = "ann" }, tenant = 1 }))
    local Other = db:define("Other", { name = DataTypes.STRING }, { timestamps = false })
    assert.is_not_nil(Other.rawAttributes.tenantId)
    assert.truthy(helper.error_of(function() User:count({ tenent = 1 }) end).message:find("has no option", 1, true))
  end)

  it("wraps go around what is written and read, in the order of the plugins", function()
    local seen = {}
    local function watcher(name)
      local write = {}
      for _, kind in ipairs({ "insert", "update", "destroy", "bulkInsert", "bulkUpdate", "bulkDestroy" }) do
        write[kind] = function(next_one, change)
          seen[#seen + 1] = name .. " " .. change.kind
          return next_one()
        end
      end
      return { name = name, write = write, read = function(next_one, reading)
        seen[#seen + 1] = name .. " " .. reading.kind
        return next_one()
      end }
    end
    local Item = db:define("Item", { name = DataTypes.STRING }, { plugins = { watcher("a"), watcher("b") } })
    db:sync()
    local function heard(fn)
      seen = {}
      fn()
      return table.concat(seen, ", ")
    end
    local item
    assert.equal("a insert, b insert", heard(function() item = Item:create({ name = "x" }) end))
    assert.equal("a update, b update", heard(function() item:update({ name = "y" }) end))
    assert.equal("a all, b all", heard(function() Item:findAll() end))
    assert.equal("a one, b one", heard(function() Item:findByPk(item.id) end))
    assert.equal("a count, b count", heard(function() Item:count() end))
    assert.equal("a page, b page", heard(function() Item:findAndCountAll() end))
    assert.equal("a bulkInsert, b bulkInsert", heard(function() Item:bulkCreate({ { name = "z" } }) end))
    assert.equal("a bulkInsert, b bulkInsert", heard(function() Item:copy({ { name = "c" } }) end))
    assert.equal("a stream, b stream", heard(function() Item:stream():close() end))
    assert.equal("a bulkUpdate, b bulkUpdate", heard(function() Item:update({ name = "w" }, { where = rowan.all }) end))
    assert.equal("a destroy, b destroy", heard(function() item:destroy() end))
    assert.equal("a bulkDestroy, b bulkDestroy", heard(function() Item:destroy({ where = rowan.all }) end))
  end)

  it("wraps see rows that are deleted softly, brought back and taken along", function()
    local seen = {}
    local trail = { name = "trail", write = {} }
    for _, kind in ipairs({ "update", "destroy", "bulkUpdate", "bulkDestroy" }) do
      trail.write[kind] = function(next_one, change)
        seen[#seen + 1] = change.model.name .. " " .. kind
        return (next_one())
      end
    end
    db:plugin(trail)
    local soft = { paranoid = true, omitNull = true }
    local One = db:define("One", { name = DataTypes.STRING }, soft)
    local Two = db:define("Two", { name = DataTypes.STRING }, soft)
    local Three = db:define("Three", { name = DataTypes.STRING }, soft)
    One:hasMany(Two, { as = "twos", onDelete = "CASCADE" })
    Two:hasMany(Three, { as = "threes", onDelete = "CASCADE" })
    db:sync()
    local function heard(fn)
      seen = {}
      fn()
      return table.concat(seen, ", ")
    end
    local one = One:create({ name = "a", twos = { { name = "b", threes = { { name = "c" } } } } },
      { include = { { association = "twos", include = "threes" } } })
    local along = ", Two bulkUpdate, Three bulkUpdate"
    assert.equal("One destroy" .. along, heard(function() one:destroy() end))
    assert.equal("One update" .. along, heard(function() one:restore() end))
    assert.equal("One bulkDestroy" .. along, heard(function() One:destroy({ where = rowan.all }) end))
    assert.equal(0, Three:count())
    assert.equal("One bulkUpdate" .. along, heard(function() One:restore({ where = rowan.all }) end))
    assert.equal(1, Three:count())
  end)

  it("a wrap may answer by itself, and may do more in the same transaction", function()
    local cache = {}
    local cached = { name = "cached", read = function(next_one, reading)
      if reading.kind ~= "count" then return next_one() end
      cache[1] = cache[1] or next_one()
      return cache[1]
    end }
    local Log = db:define("Log", { what = DataTypes.STRING })
    local audited = { name = "audited", hooks = { afterUpdate = function(row) Log:create({ what = row.name }) end } }
    local Item = db:define("Item", { name = DataTypes.STRING }, { plugins = { cached, audited } })
    db:sync()
    local item = Item:create({ name = "a" })
    assert.equal(1, Item:count())
    Item:create({ name = "b" })
    assert.equal(1, Item:count())
    item:update({ name = "c" })
    assert.equal("c", Log:findOne().what)
    Item:afterUpdate(function() error("no") end)
    helper.error_of(function() item:update({ name = "d" }) end)
    assert.equal(1, Log:count())
  end)

  it("a plugin says that an attribute is stamped, or tells one state of a row from the next", function()
    local guarded = {
      name = "guarded",
      define = function(draft)
        draft:attribute("touched", { type = DataTypes.DATE, allowNull = false }, "a timestamp")
        draft:stamp("touched", "updated")
        draft:attribute("turn", { type = DataTypes.INTEGER, allowNull = false, defaultValue = 5 }, "the turn")
        draft:version("turn", function(model, row, seen)
          error(("%s %d: %d, %s"):format(model.name, row.id, seen.read, tostring(seen.current)), 0)
        end)
      end,
    }
    local Game = db:define("Game", { name = DataTypes.TEXT }, { timestamps = false, plugins = { guarded } })
    db:sync()
    local game = Game:create({ name = "a" })
    local other = Game:findByPk(game.id)
    assert.is_string(game.touched)
    game:update({ name = "b" })
    assert.equal(6, game.turn)
    local function lost() return select(2, pcall(other.update, other, { name = "c" })) end
    assert.equal("Game 1: 5, 6", lost())
    game:destroy()
    assert.equal("Game 1: 5, nil", lost())
  end)

  it("what is wrong with one is said by name", function()
    local function message(fn) return helper.error_of(fn).message end
    local function with(plugins) return function() db:define("X", { a = DataTypes.TEXT }, { plugins = plugins }) end end
    assert.truthy(message(with({ "paranoit" })):find('did you mean "paranoid"', 1, true))
    assert.truthy(message(with({ { name = "x", wirte = {} } })):find('"wirte"', 1, true))
    assert.truthy(message(with({ { name = "x", write = { delete = print } } })):find('"delete"', 1, true))
    assert.truthy(message(with({ { { name = "x", options = { "from" } }, form = 1 } })):find('did you mean "from"', 1, true))
    assert.truthy(message(with({ { name = "x", instance = { a = print } } })):find("the name of an attribute", 1, true))
    local function stamps(name)
      return function(draft) draft:stamp(name, "updated") end
    end
    assert.truthy(message(with({ { name = "x", define = stamps("b") } })):find('no attribute "b"', 1, true))
    assert.truthy(message(with({ { name = "x", define = stamps("a") } })):find('updated is "updatedAt" already', 1, true))
    assert.equal('the plugin "x" must be a table, not nil', message(function() rowan.plugin("x") end))
    assert.truthy(message(with({ { name = "x", write = { insert = 3 } } }))
      :find("write.insert must be a function, not a number", 1, true))
    local Mute = db:define("Mute", { a = DataTypes.TEXT }, { plugins = { { name = "mute", read = function() end } } })
    Mute:sync()
    for _, name in ipairs{ "findAll", "findAndCountAll", "count" } do
      assert.truthy(message(function() Mute[name](Mute) end)
        :find("Mute: the read of a plugin gave nothing for a search", 1, true))
    end
    assert.is_nil(Mute:findOne())
    rowan.plugin("spec_known", { name = "known", class = { known = function() return 7 end } })
    assert.equal(7, db:define("Y", { a = DataTypes.TEXT }, { plugins = { "spec_known" } }):known())
  end)
end)
