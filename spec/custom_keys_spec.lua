-- Primary and foreign keys of a type of one's own that is stored in another form: every call finds the rows that it means.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

local Code = DataTypes.custom("Code", {
  type = DataTypes.STRING, cast = function(value) return value:upper() end,
  dump = function(value) return "code:" .. value end, load = function(text) return (text:gsub("^code:", "")) end,
})

helper.each(function(_, connect)
  local db, Item, Part, Tag, item

  before_each(function()
    db = connect({ warnings = false })
    Item = db:define("Item", { { "key", Code, primaryKey = true }, { "n", DataTypes.INTEGER } }, { paranoid = true, version = true })
    Part = db:define("Part", { n = DataTypes.INTEGER }, { timestamps = false })
    Tag = db:define("Tag", { { "key", Code, primaryKey = true } }, { timestamps = false })
    Item:hasMany(Part, { as = "parts", foreignKey = "itemKey" })
    Part:belongsTo(Item, { as = "item", foreignKey = "itemKey" })
    Item:belongsToMany(Tag, { through = "ItemTag", as = "tags" })
    db:sync()
    item = Item:create { key = "a", n = 1 }
    Item:create { key = "b", n = 2 }
  end)

  local function stored() return Item:findByPk("a").n end

  it("are found by, read again and written", function()
    assert.equal("A", item:reload().key)
    item:update { n = 3 }
    assert.equal(3, stored())
    item:update { n = rowan.literal("7") }
    assert.same({ 7, 7 }, { item.n, stored() })
    item:increment("n")
    assert.equal(8, stored())
    local other = Item:findByPk("a")
    other:update { n = 9 }
    assert.same({ key = "A", version = 3 }, helper.error_of(item.update, item, { n = 1 }).where)
  end)

  it("are deleted and brought back", function()
    item:destroy()
    assert.equal(1, Item:count())
    item:restore()
    assert.equal(1, Item:destroy { where = { key = "a" }, individualHooks = true })
    assert.equal(1, Item:restore { where = { key = "a" }, individualHooks = true })
    item = Item:findByPk("a")
    assert.equal(1, item:destroy { force = true } and Item:count { paranoid = false })
  end)

  it("are named by bulk calls", function()
    assert.equal(2, (Item:update({ n = 4 }, { where = { key = { "a", "b" } } })))
    Item:afterUpdate(function() end)
    assert.equal(2, (Item:update({ n = 5 }, { where = { n = { [Op.gt] = 0 } }, individualHooks = true })))
    assert.equal(1, (Item:bulkUpdate { { key = "a", n = 6 } }))
    local _, created = Item:upsert { key = "a", n = 7 }
    assert.is_false(created)
    Item:bulkCreate({ { key = "a", n = 8 }, { key = "c", n = 1 } }, { updateOnDuplicate = { "n" } })
    assert.same({ 8, 3 }, { stored(), Item:count() })
    assert.is_false(select(2, Item:findOrCreate { where = { key = "c" } }))
  end)

  it("link rows", function()
    item:createPart { n = 1 }
    item:addPart(Part:create { n = 2 })
    assert.same({ 2, 2, true }, { #item:getParts(), item:countParts(), item:hasPart(1) })
    assert.equal(2, #Item:findByPk("a", { include = "parts" }).parts)
    assert.equal("A", Part:findOne({ include = "item" }).item.key)
    assert.equal("A", Part:findOne():getItem().key)
    local items = Item:findAll { order = { "n" } }
    rowan.load(items, "parts")
    assert.same({ 2, 0 }, { #items[1].parts, #items[2].parts })
    Part:findByPk(1):setItem("b")
    item:setParts { 2 }
    assert.same({ 1, 1 }, { item:countParts(), Part:count { where = { itemKey = "b" } } })
    item:addTag(Tag:create { key = "x" })
    assert.same({ 1, true }, { #item:getTags(), item:hasTag("x") })
    assert.equal("X", Item:findByPk("a", { include = "tags" }).tags[1].key)
    item:removeTag("x")
    assert.equal(0, item:countTags())
  end)
end)
