-- Questions that a shop asks of its database, by the query builder over models: the same rows on both databases.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes, Op = rowan.DataTypes, rowan.Op
local fn, col, cast = rowan.fn, rowan.col, rowan.cast

-- The rows as text, so that a whole answer is one comparison.
local function text(rows, ...)
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for c, key in ipairs({ ... }) do
      local value = row[key]
      if type(value) == "number" then value = ("%.6g"):format(value) end
      cells[c] = tostring(value)
    end
    lines[i] = table.concat(cells, " ")
  end
  return table.concat(lines, ", ")
end

local function shop(db)
  local options = { timestamps = false, underscored = true }
  local s = { db = db }
  s.Category = db:define("Category", { name = DataTypes.STRING, parentId = DataTypes.INTEGER }, options)
  s.Product = db:define("Product", {
    name = DataTypes.STRING, categoryId = DataTypes.INTEGER, price = DataTypes.INTEGER,
  }, options)
  s.Customer = db:define("Customer", { name = DataTypes.STRING, city = DataTypes.STRING }, options)
  s.Order = db:define("Order", {
    customerId = DataTypes.INTEGER, day = DataTypes.DATEONLY, status = DataTypes.STRING,
  }, options)
  s.Item = db:define("Item", {
    orderId = DataTypes.INTEGER, productId = DataTypes.INTEGER, quantity = DataTypes.INTEGER,
  }, options)
  s.Visit = db:define("Visit", { customerId = DataTypes.INTEGER, number = DataTypes.INTEGER }, options)
  db:sync()
  return s
end

local function fill(s)
  s.Category:bulkCreate({
    { name = "All", parentId = rowan.null }, { name = "Food", parentId = 1 }, { name = "Tools", parentId = 1 },
    { name = "Fruit", parentId = 2 }, { name = "Bread", parentId = 2 },
  })
  s.Product:bulkCreate({
    { name = "apple", categoryId = 4, price = 2 }, { name = "pear", categoryId = 4, price = 3 },
    { name = "plum", categoryId = 4, price = 1 }, { name = "rye", categoryId = 5, price = 5 },
    { name = "hammer", categoryId = 3, price = 20 }, { name = "saw", categoryId = 3, price = 15 },
  })
  s.Customer:bulkCreate({
    { name = "Ann", city = "Ghent" }, { name = "Ben", city = "Ghent" }, { name = "Cid", city = "Basel" },
    { name = "Dot", city = "Basel" },
  })
  s.Order:bulkCreate({
    { customerId = 1, day = "2024-01-05", status = "paid" }, { customerId = 2, day = "2024-01-20", status = "paid" },
    { customerId = 1, day = "2024-02-03", status = "open" }, { customerId = 3, day = "2024-02-10", status = "paid" },
    { customerId = 1, day = "2024-04-01", status = "paid" }, { customerId = 3, day = "2024-04-02", status = "lost" },
  })
  s.Item:bulkCreate({
    { orderId = 1, productId = 1, quantity = 10 }, { orderId = 1, productId = 4, quantity = 1 },
    { orderId = 2, productId = 1, quantity = 5 }, { orderId = 2, productId = 2, quantity = 4 },
    { orderId = 3, productId = 5, quantity = 1 }, { orderId = 4, productId = 3, quantity = 8 },
    { orderId = 4, productId = 1, quantity = 1 }, { orderId = 5, productId = 6, quantity = 2 },
    { orderId = 5, productId = 4, quantity = 2 }, { orderId = 6, productId = 5, quantity = 1 },
  })
  local visits = {}
  for _, number in ipairs({ 1, 2, 3, 6, 7, 10 }) do visits[#visits + 1] = { customerId = 1, number = number } end
  for _, number in ipairs({ 4, 5 }) do visits[#visits + 1] = { customerId = 2, number = number } end
  s.Visit:bulkCreate(visits)
end

local worth = col("i.quantity") * col("p.price")
local month = fn("SUBSTR", cast(col("o.day"), "TEXT"), 1, 7)

local function sold(s)
  return s.Item:query("i"):join({ s.Product, "p" }, "p.id", "i.productId"):join({ s.Order, "o" }, "o.id", "i.orderId")
end

helper.each(function(_, connect)
  local s

  before_each(function()
    s = shop(connect())
    fill(s)
  end)

  it("finds the best two products of each category", function()
    local ranked = sold(s):groupBy("p.categoryId", "p.name")
      :select("p.categoryId", "p.name", { fn("SUM", worth), "total" },
        { fn("ROW_NUMBER"):over{ partitionBy = "p.categoryId", orderBy = { { fn("SUM", worth), "DESC" }, "p.name" } }, "place" })
    local best = s.db:from(ranked:as("r")):join({ s.Category, "c" }, "c.id", "r.categoryId")
      :where("r.place", "<=", 2):select("c.name as category", "r.name", "r.total"):orderBy("category"):orderBy("r.place")
    assert.equal("Bread rye 15, Fruit apple 32, Fruit pear 12, Tools hammer 40, Tools saw 30",
      text(best:all(), "category", "name", "total"))
  end)

  it("adds up day by day, and averages over the last two", function()
    local days = sold(s):select("o.day", { fn("SUM", worth), "total" }):groupBy("o.day")
    local rows = s.db:from(days:as("d"))
      :select("d.day", "d.total", { fn("SUM", col("d.total")):over{ orderBy = "d.day" }, "running" }, {
        fn("AVG", col("d.total")):over{ orderBy = "d.day", frame = "rows between 1 preceding and current row" }, "moving",
      }):orderBy("d.day"):all()
    assert.equal("2024-01-05 25 25 25, 2024-01-20 22 47 23.5, 2024-02-03 20 67 21, 2024-02-10 10 77 15, "
      .. "2024-04-01 40 117 25, 2024-04-02 20 137 30", text(rows, "day", "total", "running", "moving"))
  end)

  it("follows the customers of each month through the months after it", function()
    local first = s.Order:query("o"):select("o.customerId", { fn("MIN", month), "cohort" }):groupBy("o.customerId")
    local rows = s.Order:query("o"):with("firsts", first):join("firsts as f", "f.customerId", "o.customerId")
      :select("f.cohort", { month, "month" }, { fn("COUNT", col("o.customerId")):distinct(), "customers" })
      :groupBy("f.cohort", month):orderBy("cohort"):orderBy("month"):all()
    assert.equal("2024-01 2024-01 2, 2024-01 2024-02 1, 2024-01 2024-04 1, 2024-02 2024-02 1, 2024-02 2024-04 1",
      text(rows, "cohort", "month", "customers"))
  end)

  it("walks a tree of categories with its paths", function()
    local roots = s.Category:query("c"):select("c.id", "c.parentId", { cast(col("c.name"), "TEXT"), "path" }, { 0, "depth" })
      :whereNull("c.parentId")
    local below = s.Category:query("c"):join("tree as t", "t.id", "c.parentId")
      :select("c.id", "c.parentId", { col("t.path") .. "/" .. col("c.name"), "path" }, { col("t.depth") + 1, "depth" })
    local rows = s.db:from("tree"):withRecursive("tree", roots:unionAll(below)):select("path", "depth"):orderBy("path"):all()
    assert.equal("All 0, All/Food 1, All/Food/Bread 2, All/Food/Fruit 2, All/Tools 1", text(rows, "path", "depth"))
  end)

  it("turns rows into columns", function()
    local rows = s.Order:query("o"):join({ s.Customer, "c" }, "c.id", "o.customerId")
      :select("c.city", { fn("COUNT", col("*")):filter{ ["o.status"] = "paid" }, "paid" },
        { fn("COUNT", col("*")):filter{ ["o.status"] = { [Op.ne] = "paid" } }, "other" })
      :groupBy("c.city"):orderBy("c.city"):all()
    assert.equal("Basel 1 1, Ghent 3 1", text(rows, "city", "paid", "other"))
  end)

  it("finds a median", function()
    local numbered = s.Product:query("p"):select("p.price", { fn("ROW_NUMBER"):over{ orderBy = "p.price" }, "place" },
      { fn("COUNT", col("*")):over(), "count" })
    local row = s.db:from(numbered:as("n")):select({ fn("AVG", col("n.price")), "median" })
      :where{ [Op.and_] = {
        rowan.where(col("n.place") * 2, Op.gte, col("n.count")), rowan.where(col("n.place") * 2, Op.lte, col("n.count") + 2),
      } }:first()
    assert.equal(4, row.median)
  end)

  it("has a row for every month, sold in or not", function()
    local months = {}
    for i = 1, 4 do months[i] = { month = ("2024-%02d"):format(i) } end
    local orders = s.Order:query("o"):select({ month, "month" }, { fn("COUNT", col("*")), "count" }):groupBy(month)
    local rows = s.db:from{ rowan.values(months), "m" }:leftJoin(orders:as("n"), "n.month", "m.month")
      :select("m.month", { fn("COALESCE", col("n.count"), 0), "orders" },
        { fn("LAG", col("n.count")):over{ orderBy = "m.month" }, "before" }):orderBy("m.month"):all()
    assert.equal("2024-01 2 nil, 2024-02 2 2, 2024-03 0 2, 2024-04 2 nil", text(rows, "month", "orders", "before"))
  end)

  it("finds islands of consecutive visits, and the gaps between them", function()
    local marked = s.Visit:query("v"):select("v.customerId", "v.number", {
      col("v.number") - fn("ROW_NUMBER"):over{ partitionBy = "v.customerId", orderBy = "v.number" }, "island",
    })
    local rows = s.db:from(marked:as("m")):groupBy("m.customerId", "m.island")
      :select("m.customerId", { fn("MIN", col("m.number")), "from" }, { fn("MAX", col("m.number")), "to" })
      :orderBy{ "m.customerId", "from" }:all()
    assert.equal("1 1 3, 1 6 7, 1 10 10, 2 4 5", text(rows, "customerId", "from", "to"))
    local following = fn("LEAD", col("v.number")):over{ partitionBy = "v.customerId", orderBy = "v.number" }
    local pairs_of = s.Visit:query("v"):select("v.number", { following, "following" })
    local gaps = s.db:from(pairs_of:as("g")):where(col("g.following") - col("g.number"), ">", 1)
      :select({ col("g.number") + 1, "from" }, { col("g.following") - 1, "to" }):orderBy("from"):all()
    assert.equal("4 5, 8 9", text(gaps, "from", "to"))
  end)

  it("knows what share of all each city has, and a line for the whole", function()
    local totals = sold(s):join({ s.Customer, "c" }, "c.id", "o.customerId")
      :select("c.city", { fn("SUM", worth), "total" }):groupBy("c.city")
    local shares = s.db:from(totals:as("t")):select("t.city", "t.total",
      { cast(fn("ROUND", cast(col("t.total"), DataTypes.DOUBLE) * 100 / fn("SUM", col("t.total")):over()), "INTEGER"), "share" })
    local whole = sold(s):select({ cast("all", "TEXT"), "city" }, { fn("SUM", worth), "total" },
      { cast(100, "INTEGER"), "share" })
    local rows = shares:unionAll(whole):orderBy("total"):orderBy("city"):all()
    assert.equal("Basel 30 22, Ghent 107 78, all 137 100", text(rows, "city", "total", "share"))
  end)

  it("finds what is bought together, who bought nothing, and each customer's last order", function()
    local pairs_of = s.Item:query("a"):join({ s.Item, "b" }, {
      ["b.orderId"] = col("a.orderId"), ["b.productId"] = { [Op.gt] = col("a.productId") },
    }):join({ s.Product, "p" }, "p.id", "a.productId"):join({ s.Product, "q" }, "q.id", "b.productId")
      :select("p.name as one", "q.name as other"):orderBy{ "one", "other" }
    assert.equal("apple pear, apple plum, apple rye, rye saw", text(pairs_of:all(), "one", "other"))
    local nobody = s.Customer:query("c"):whereNotExists(s.Order:query("o"):where("o.customerId", col("c.id")))
    assert.equal("Dot", text(nobody:all(), "name"))
    local last = s.Order:query("o"):distinctOn("o.customerId"):select("o.customerId", "o.day")
      :orderBy{ "o.customerId", { "o.day", "DESC" } }
    assert.equal("1 2024-04-01, 2 2024-01-20, 3 2024-04-02", text(last:all(), "customerId", "day"))
  end)

  it("buckets, ranks and compares with the average of the group", function()
    local rows = s.Product:query("p"):select("p.name", { fn("NTILE", cast(3, "INTEGER")):over{ orderBy = "p.price" }, "third" },
      { fn("DENSE_RANK"):over{ partitionBy = "p.categoryId", orderBy = { { "p.price", "DESC" } } }, "place" })
      :where("p.price", ">", s.Product:query("q"):select(fn("AVG", col("q.price"))):where("q.categoryId", col("p.categoryId")))
      :orderBy("p.id"):all()
    assert.equal("pear 1 1, hammer 2 1", text(rows, "name", "third", "place"))
  end)
end)
