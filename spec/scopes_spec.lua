-- Scopes: default and named ones, with arguments, merged, on finders, bulk writes, includes and association methods.
local helper = require "spec.helper"
local rowan = require "rowan"

local D, Op = rowan.DataTypes, rowan.Op

local USERS = {
  { name = "dan", level = 5, other = 10 }, { name = "tobi", level = 10, other = 11 },
  { name = "tony", level = 3, other = 7 }, { name = "fred", level = 3, other = 7 },
}

local function names(rows) return table.concat(helper.sorted(rows, "name"), " ") end

helper.each(function(_, connect)
  local db, User

  local function define()
    User = db:define("User", { name = D.STRING, level = D.INTEGER, other = { type = D.INTEGER, field = "o" } }, {
      timestamps = false,
      defaultScope = { where = { level = { [Op.gte] = 5 } } },
      scopes = {
        low = { where = { level = { [Op.lt] = 6 } } },
        seven = { where = { other = 7 } },
        byName = { order = { { "name", "DESC" } } },
        named = function(name) return { where = { name = name } } end,
        noArgument = function() return { where = { name = "tony" } } end,
        slim = { attributes = { "id", "name" } },
        withoutOther = { attributes = { exclude = { "other" } } },
        withoutLevel = { attributes = { exclude = { "level" } } },
      },
    })
    db:sync()
    User:bulkCreate(USERS)
  end

  before_each(function()
    db = connect()
    define()
  end)

  describe("a scope", function()
    it("that is the default applies to every finder, and unscoped leaves it out", function()
      assert.equal("dan tobi", names(User:findAll()))
      assert.equal(2, User:count())
      assert.equal(2, User:findAndCountAll().count)
      assert.is_nil(User:findByPk(3))
      assert.is_nil(User:findOne{ where = { name = "fred" } })
      assert.equal("tony", User:unscoped():findByPk(3).name)
      assert.equal(4, User:unscoped():count())
      assert.equal(4, User:scope():count())
      assert.equal(4, User:withoutScope():findAndCountAll{ limit = 1 }.count)
    end)

    it("is always the same model, where there is none", function()
      assert.equal(User:unscoped(), User:scope("low"):unscoped())
      assert.equal(User:unscoped(), User:scope())
      assert.equal(User:unscoped():withSchema("other"), User:withSchema("other"):withoutScope())
    end)

    it("is never lost: its conditions and those of the call are all to hold", function()
      assert.equal("tobi", names(User:findAll{ where = { level = { [Op.gt] = 5 } } }))
      assert.equal("tony", names(User:scope("low"):findAll{ where = { level = 3, name = "tony" } }))
      assert.equal("fred tony", names(User:scope("low", "seven"):findAll()))
      assert.equal("dan", names(User:scope("defaultScope", "low"):findAll()))
      assert.equal(0, User:scope("low"):count{ where = { level = 10 } })
      assert.equal("dan", names(User:findAll{ where = rowan.all, limit = 1, order = { "id" } }))
    end)

    it("may be a function with arguments, or options", function()
      assert.equal("fred", names(User:scope({ method = { "named", "fred" } }):findAll()))
      assert.equal("fred", names(User:scope({ "named", "fred" }):findAll()))
      assert.equal("tony", names(User:scope("noArgument"):findAll()))
      assert.equal("tony", names(User:scope({ "low", "noArgument" }):findAll()))
      assert.equal("fred tony", names(User:scope({ where = { other = 7 } }):findAll()))
    end)

    it("makes a variant that changes neither the model nor the options of the call", function()
      local low, options = User:scope("low"), { where = { name = "dan" } }
      assert.equal(User, low.baseModel)
      assert.equal("model", rowan.kind(low))
      assert.equal("User", low.name)
      local row = low:findOne(options)
      assert.same({ where = { name = "dan" } }, options)
      assert.is_true(rowan.isInstance(row, User) and rowan.isInstance(row, low))
      assert.is_true(row:equals(User:findByPk(1)))
      assert.equal(3, low:count())
      assert.equal(2, User:count())
    end)

    it("unites attributes, and an order of the call goes before its own", function()
      local row = User:scope("withoutOther", "withoutLevel"):findByPk(1)
      assert.is_false(row:isLoaded("other"))
      assert.is_false(row:isLoaded("level"))
      assert.is_true(row:isLoaded("name"))
      assert.equal(3, User:scope("slim"):findOne{ where = { id = 3 }, attributes = { "level" } }.level)
      assert.equal("tony", User:scope("byName"):findOne().name)
      assert.equal("fred", User:scope("byName"):findOne{ order = { "other", { "name", "ASC" } } }.name)
      assert.equal(4, User:scope("byName"):count())
    end)

    it("narrows bulk writes", function()
      assert.equal(2, (User:update({ other = 1 }, { where = rowan.all })))
      assert.equal(2, (User:scope("seven"):update({ name = "x" }, {})))
      assert.equal(2, User:unscoped():count{ where = { name = "x" } })
      assert.equal(1, User:scope("low"):destroy{ where = { other = 1 } })
      assert.equal(3, User:unscoped():count())
      assert.is_true(rowan.is(helper.error_of(function() User:unscoped():destroy() end), "QueryError"))
    end)

    it("refuses what is no option of a scope, before it could mean more rows", function()
      User:addScope("misspelt", function(level) return { whre = { level = level } } end)
      for _, call in ipairs{
        function() User:scope({ whre = { level = 3 } }):update({ other = 1 }, { where = rowan.all }) end,
        function() User:scope({ "misspelt", 3 }):destroy{ where = rowan.all } end,
        function() User:scope({ "misspelt", 3 }):count() end,
      } do
        local err = helper.error_of(call)
        assert.equal("QueryError", err.name)
        assert.matches('User: a scope has no option "whre" %(did you mean "where"%?%)', err.message)
      end
      assert.equal(4, User:unscoped():count{ where = { other = { [Op.gt] = 1 } } })
    end)

    it("does not make a condition of a where that came to nothing", function()
      for _, where in ipairs{ {}, { { name = nil } } } do
        for _, call in ipairs{
          function() User:update({ other = 1 }, { where = where }) end,
          function() User:destroy{ where = where } end,
          function() User:increment("other", { where = where }) end,
          function() User:scope("seven"):destroy{ where = where } end,
        } do
          local err = helper.error_of(call)
          assert.equal("QueryError", err.name)
          assert.matches("the where is empty; write where = rowan.all", err.message)
        end
      end
      assert.matches("there is no where", helper.error_of(User.destroy, User, {}).message)
      assert.matches("there is no where", helper.error_of(User.decrement, User, "other").message)
      assert.equal(4, User:unscoped():count{ where = { other = { [Op.gt] = 1 } } })
    end)

    it("makes rows that it finds again, out of what the call and it say", function()
      local row, created = User:scope("seven"):findOrCreate{ where = { name = "new" }, defaults = { level = 4 } }
      assert.is_true(created)
      assert.same({ "new", 4, 7 }, { row.name, row.level, row.other })
      local again, twice = User:scope("seven"):findOrCreate{ where = { name = "new" } }
      assert.is_false(twice)
      assert.equal(row.id, again.id)
      assert.equal(8, User:scope("seven"):findOrBuild{ where = { name = "x" }, defaults = { other = 8 } }.other)
      assert.equal("QueryError", helper.error_of(function()
        User:findOrCreate{ where = { name = "x" }, defaults = { name = "y" } }
      end).name)
    end)

    it("may turn the filters of plugins off, for every call that they are on", function()
      local Item = db:define("Item", { n = D.INTEGER }, { paranoid = true, scopes = { all = { paranoid = false } } })
      Item:sync()
      Item:bulkCreate{ { n = 1 }, { n = 2 } }
      Item:destroy{ where = { n = 1 } }
      local all = Item:scope("all")
      assert.same({ 1, 2, 2, 3 }, { Item:count(), all:count(), #all:findAll(), all:sum("n") })
      assert.equal(2, (all:update({ n = 5 }, { where = rowan.all })))
      assert.is_true(select(2, all:findOrCreate{ where = { n = 7 } }))
    end)

    it("is left again, by null or for the initial one", function()
      assert.equal(4, User:scope("low"):scope(rowan.null):count())
      assert.equal(User, User:scope("low"):withInitialScope())
      assert.equal(User, User:withInitialScope())
    end)

    it("does not touch what is created", function()
      local row = User:scope("low"):create{ name = "new", level = 9 }
      assert.equal(9, row.level)
      assert.equal("new", User:findByPk(row.id).name)
      row:update{ level = 1 }
      row:reload()
      assert.equal(1, row.level)
    end)

    it("can be added, and replaced only when that is said", function()
      User:addScope("tall", { where = { level = 10 } })
      assert.equal("tobi", names(User:scope("tall"):findAll()))
      local err = helper.error_of(User.addScope, User, "tall", {})
      assert.equal("ScopeError", err.name)
      User:addScope("tall", { where = { level = 3 } }, { override = true })
      assert.equal(2, User:scope("tall"):count())
      User:addScope("defaultScope", { where = { level = 3 } }, { override = true })
      assert.equal("fred tony", names(User:findAll()))
      User:addScope("defaultScope", {}, { override = true })
      assert.equal(User:unscoped():count(), User:count())
    end)

    it("that is not known is refused by name, with the nearest", function()
      local err = helper.error_of(User.scope, User, "lwo")
      assert.equal("ScopeError", err.name)
      assert.matches('User.*"lwo".*did you mean "low"', err.message)
      assert.equal("ScopeError", helper.error_of(User.scope, User, 5).name)
      assert.equal("ScopeError", helper.error_of(User.scope, User, { "low", 1 }).name)
      assert.equal("DefinitionError", helper.error_of(db.define, db, "X", { a = D.INTEGER }, { scopes = { a = 1 } }).name)
      assert.equal("QueryError", helper.error_of(function() User:scope({ wher = {} }):findAll() end).name)
      for _, options in ipairs{ { scopes = { odd = { wher = {} } } }, { defaultScope = { wher = {} } } } do
        err = helper.error_of(db.define, db, "X", { a = D.INTEGER }, options)
        assert.equal("DefinitionError", err.name)
        assert.matches('the scope ".+" has no option "wher" %(did you mean "where"%?%)', err.message)
      end
      assert.equal("DefinitionError", helper.error_of(User.addScope, User, "odd", { wher = {} }).name)
      assert.equal("ScopeError", helper.error_of(User.scope, User, "odd").name)
    end)

    it("works in class methods of the model", function()
      function User:named(name) return self:findAll{ where = { name = name } } end
      assert.equal("", names(User:named("tony")))
      assert.equal("tony", names(User:scope("low"):named("tony")))
    end)
  end)

  describe("scopes of associated models", function()
    local Company, Post

    before_each(function()
      Company = db:define("Company", { active = D.BOOLEAN }, {
        timestamps = false, defaultScope = { where = { active = true } },
        scopes = { inactive = { where = { active = false } }, all = {} , reversed = { order = { { "id", "DESC" } } } },
      })
      Post = db:define("Post", { title = D.STRING }, { timestamps = false })
      User:belongsTo(Company, { as = "company" })
      Company:hasMany(User, { as = "users" })
      Company:belongsToMany(Post, { through = "CompanyPosts", as = "posts" })
      Post:belongsToMany(Company, { through = "CompanyPosts", as = "companies" })
      db:sync{ force = true }
      User:bulkCreate(USERS)
      local one, two = Company:create{ active = true }, Company:create{ active = false }
      one:setUsers({ 1, 2, 3 })
      two:setUsers({ 4 })
      Post:create{ title = "p" }:setCompanies({ one, two })
    end)

    it("apply to includes: the default one, a variant's, or the one that scope names", function()
      local company = Company:findByPk(1, { include = "users" })
      assert.equal("dan tobi", names(company.users))
      company = Company:findByPk(1, { include = { { model = User:scope("low"), as = "users" } } })
      assert.equal("dan tony", names(company.users))
      company = Company:findByPk(1, { include = { { as = "users", scope = "seven" } } })
      assert.equal("tony", names(company.users))
      company = Company:findByPk(1, { include = User:unscoped() })
      assert.equal("dan tobi tony", names(company.users))
      company = Company:findByPk(1, { include = { { as = "users", where = { name = "dan" } } } })
      assert.equal("dan", names(company.users))
      -- A scope leaves no row of the model out.
      assert.is_nil(User:unscoped():findByPk(4, { include = "company" }).company)
      assert.equal(2, User:unscoped():findByPk(4, { include = { { as = "company", scope = false } } }).company.id)
    end)

    it("apply to association methods, which take another one, or none", function()
      local company, fred, post = Company:findByPk(1), User:unscoped():findByPk(4), Post:findOne()
      assert.equal("dan tobi", names(company:getUsers()))
      assert.equal("dan tobi tony", names(company:getUsers{ scope = false }))
      assert.equal("tony", names(company:getUsers{ scope = "seven" }))
      assert.equal(2, company:countUsers())
      assert.equal(3, company:countUsers{ scope = false })
      assert.is_false(company:hasUser(3))
      assert.is_true(company:hasUser(3, { scope = false }))
      assert.is_nil(fred:getCompany())
      assert.equal(2, fred:getCompany{ scope = "inactive" }.id)
      assert.equal(1, #post:getCompanies())
      assert.equal(2, #post:getCompanies{ scope = false })
      assert.equal(2, post:getCompanies{ scope = "reversed" }[1].id)
      assert.equal(1, post:countCompanies())
      assert.equal(2, post:countCompanies{ scope = false })
    end)

    it("are what a row is reloaded with that was not read", function()
      Company:addScope("defaultScope", { include = "users", where = { active = true } }, { override = true })
      local made = Company:create{ active = false }
      made:setUsers({ 1 })
      assert.equal("dan", names(made:reload().users))
      assert.is_nil(Company:unscoped():findByPk(made.id):reload{ include = {} }.users)
    end)

    it("of a variant that an association was defined with are its own", function()
      Company:hasMany(User:scope("low"), { as = "lowUsers", foreignKey = "companyId" })
      Company:hasMany(User:unscoped(), { as = "allUsers", foreignKey = "companyId" })
      Post:belongsToMany(Company:scope("inactive"), { through = "CompanyPosts", as = "closed" })
      local company, post = Company:findByPk(1), Post:findOne()
      assert.equal("dan tony", names(company:getLowUsers()))
      assert.equal("dan tobi tony", names(company:getAllUsers()))
      assert.equal(2, company:countLowUsers())
      assert.is_false(company:hasLowUser(2))
      assert.equal("tony", names(company:getLowUsers{ where = { other = 7 } }))
      assert.equal("dan tobi", names(company:getLowUsers{ scope = "defaultScope" }))
      company = Company:findByPk(1, { include = { "lowUsers", { model = User, as = "allUsers" } } })
      assert.equal("dan tony", names(company.lowUsers))
      assert.equal("dan tobi tony", names(company.allUsers))
      local function with(name) return Company:count{ where = { ["$lowUsers.name$"] = name } } end
      assert.same({ 1, 0 }, { with("tony"), with("tobi") })
      assert.equal(2, post:getClosed()[1].id)
      assert.equal(1, post:countClosed())
      assert.equal(2, Post:findOne{ include = "closed" }.closed[1].id)
    end)

    it("of such a variant are its own where the model has no scope of its own", function()
      local Team = db:define("Team", { name = D.STRING }, { timestamps = false })
      local Member = db:define("Member", { name = D.STRING, active = D.BOOLEAN }, { timestamps = false })
      local Active = Member:scope{ where = { active = true } }
      Team:hasMany(Active, { as = "members" })
      Team:belongsToMany(Active, { through = "Guests", as = "guests" })
      Team:sync{ force = true }
      Member:sync{ force = true }
      db:model("Guests"):sync{ force = true }
      local team, list = Team:create{ name = "a" }, { { name = "ann", active = true }, { name = "ben", active = false } }
      team:setMembers(Member:bulkCreate(list))
      team:setGuests({ 1, 2 })
      assert.same({ "ann", "ann" }, { names(team:getMembers()), names(Team:findOne{ include = "members" }.members) })
      assert.equal(0, Team:count{ include = { { as = "members", where = { name = "ben" } } } })
      assert.same({ "ann", 1 }, { names(Team:findOne():getGuests()), team:countGuests() })
      db:drop()
    end)

    it("merge includes, association by association", function()
      Company:addScope("users", { include = "users" })
      Company:addScope("tobi", { include = { { as = "users", where = { name = "tobi" } } } })
      Company:addScope("posts", { include = { Post } })
      local company = Company:scope("users", "tobi", "posts"):findOne{
        include = { { as = "users", attributes = { exclude = { "other" } } } },
      }
      assert.equal(1, company.id)
      assert.equal("tobi", names(company.users))
      assert.is_false(company.users[1]:isLoaded("other"))
      assert.equal("p", company.posts[1].title)
    end)
  end)
end)
