-- Conditions in the hands of hooks: what they add holds, the caller's own stay as they are, and every row means every row.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op

helper.each(function(_, connect)
  local Item

  before_each(function()
    local db = connect({ warnings = false })
    Item = db:define("Item", { name = DataTypes.STRING, house = DataTypes.INTEGER, n = DataTypes.INTEGER }, {
      timestamps = false, paranoid = true,
      scopes = { big = { where = { n = { [Op.gte] = 2 } } }, lit = { where = rowan.where(rowan.col("n"), Op.gt, 1) } },
    })
    db:sync()
    Item:bulkCreate{
      { name = "a", house = 1, n = 1 }, { name = "b", house = 1, n = 2 }, { name = "c", house = 2, n = 3 },
    }
  end)

  local function keep_to(house)
    for _, name in ipairs{ "beforeFind", "beforeCount", "beforeBulkUpdate", "beforeBulkDestroy", "beforeBulkRestore" } do
      Item:addHook(name, function(options)
        options.where = options.where or {}
        options.where.house = house
      end)
    end
  end

  local function names(rows) return table.concat(helper.sorted(rows, "name"), " ") end

  it("of a search get further ones, whatever the call and its scope say", function()
    keep_to(1)
    assert.equal("a b", names(Item:findAll()))
    assert.equal("a b", names(Item:findAll{ where = rowan.all }))
    assert.equal("b", names(Item:scope("big"):findAll{ where = { n = { [Op.lt] = 9 } } }))
    assert.equal("b", names(Item:scope("lit"):findAll()))
    assert.equal("b", names(Item:findAll{ where = { rowan.where(rowan.col("n"), 2) } }))
    assert.equal(1, Item:scope("big"):count{ where = { n = 2 } })
    assert.equal(2, Item:count())
    assert.is_nil(Item:findByPk(3, { where = { n = 3 } }))
  end)

  it("of a bulk write get further ones, also where it means every row", function()
    keep_to(1)
    assert.equal(2, (Item:update({ name = "x" }, { where = rowan.all })))
    assert.equal(1, (Item:scope("big"):update({ name = "y" }, { where = { name = "x" } })))
    assert.equal(2, (Item:update({ name = "z" }, { where = rowan.all, individualHooks = true })))
    assert.equal(1, Item:scope("lit"):destroy{ where = rowan.all })
    assert.equal(1, Item:destroy{ where = rowan.all })
    assert.equal(2, Item:restore{ where = rowan.all })
    assert.equal(3, Item:count{ hooks = false })
  end)

  it("that mean every row do so when no hook says otherwise, and not when one empties them", function()
    local seen
    Item:beforeBulkUpdate(function(options) seen = options.where end)
    assert.equal(3, (Item:update({ n = 5 }, { where = rowan.all })))
    assert.same({}, seen)
    Item:beforeBulkUpdate(function(options) options.where = {} end)
    assert.equal("QueryError", helper.error_of(Item.update, Item, { n = 6 }, { where = { name = "a" } }).name)
    assert.equal("QueryError", helper.error_of(Item.update, Item, { n = 6 }, { where = rowan.all }).name)
    assert.equal(0, Item:count{ where = { n = 6 } })
  end)

  it("of the caller are never changed, and rowan.all cannot be", function()
    keep_to(1)
    local where = { n = { [Op.gt] = 0 } }
    Item:update({ name = "x" }, { where = where })
    Item:destroy{ where = where }
    Item:restore{ where = where }
    Item:findAll{ where = where }
    Item:count{ where = where }
    assert.is_nil(next(where, "n"))
    assert.is_nil(next(rowan.all))
    assert.is_false(pcall(function() rowan.all.house = 1 end))
  end)

  it("of the count beside a page are for beforeCount, those of its rows for beforeFind", function()
    Item:beforeFind(function(options) options.where = { house = 1 } end)
    local page = Item:findAndCountAll{ limit = 1 }
    assert.same({ 2, 1 }, { page.count, #page.rows })
    local given
    Item:beforeCount(function(options)
      given = options
      options.where = { house = 2 }
    end)
    page = Item:findAndCountAll{ limit = 1, offset = 1, order = { "id" } }
    assert.same({ 1, "b" }, { page.count, page.rows[1].name })
    assert.is_nil(given.limit or given.offset or given.order)
  end)
end)
