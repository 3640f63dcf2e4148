-- Names: plurals, cases, shortening; and the nearest name for an unknown one.
local naming = require "rowan.base.naming"
local suggest = require "rowan.base.suggest"

describe("base.naming", function()
  local PLURALS = {
    User = "Users", Person = "People", person = "people", blog_post = "blog_posts", UserRole = "UserRoles",
    SalesPerson = "SalesPeople", Category = "Categories", Day = "Days", Status = "Statuses",
    UserStatus = "UserStatuses",
    Bus = "Buses", Address = "Addresses", Box = "Boxes", Branch = "Branches", Wish = "Wishes",
    Analysis = "Analyses",
    Index = "Indices", Child = "Children", Mouse = "Mice", Quiz = "Quizzes", Baz = "Bazs", Waltz = "Waltzes", Buzz = "Buzzes",
    Hero = "Heroes", Photo = "Photos",
    Cache = "Caches", Database = "Databases", Movie = "Movies", Wife = "Wives", Chief = "Chiefs",
    Menu = "Menus",
    Criterion = "Criteria", URL = "URLs", PERSON = "PEOPLE", OAuth2 = "OAuth2s", ["user role"] = "user roles",
  }

  it("makes the plural of the last word and keeps its case", function()
    for one, many in pairs(PLURALS) do assert.equal(many, naming.pluralize(one)) end
  end)

  it("finds the way back", function()
    for one, many in pairs(PLURALS) do assert.equal(one, naming.singularize(many)) end
  end)

  it("leaves plurals plural, singulars singular, and what has one form alone", function()
    for one, many in pairs(PLURALS) do
      assert.equal(many, naming.pluralize(many))
      assert.equal(one, naming.singularize(one))
    end
    for _, word in ipairs({ "News", "Series", "Equipment", "OrderInformation", "sheep" }) do
      assert.equal(word, naming.pluralize(word))
      assert.equal(word, naming.singularize(word))
    end
  end)

  it("changes between cases", function()
    assert.equal("created_at", naming.underscore("createdAt"))
    assert.equal("http_server", naming.underscore("HTTPServer"))
    assert.equal("user_id", naming.underscore("userID"))
    assert.equal("users_created_at_unique", naming.underscore("Users_createdAt_unique"))
    assert.equal("a_b_c", naming.underscore("a-b c"))
    assert.equal("userId", naming.camelize("user_id"))
    assert.equal("aBC", naming.camelize("a-b c"))
    assert.equal("fooBar", naming.lower_first("FooBar"))
    assert.equal("FooBar", naming.upper_first("fooBar"))
  end)

  it("shortens what is too long, differently for different names, and never cuts a character", function()
    local long = ("a"):rep(70)
    assert.equal("short", naming.shorten("short", 63))
    assert.equal(("a"):rep(63), naming.shorten(("a"):rep(63), 63))
    assert.equal(63, #naming.shorten(long, 63))
    assert.equal(naming.shorten(long, 63), naming.shorten(long, 63))
    assert.not_equal(naming.shorten(long, 63), naming.shorten(long .. "b", 63))
    for pad = 0, 3 do
      local short = naming.shorten(("x"):rep(pad) .. ("\226\130\172"):rep(30), 63)
      assert.is_true(#short <= 63)
      assert.truthy(short:find("^x*[\226\130\172]*\172_%x+$"))
    end
  end)
end)

describe("base.suggest", function()
  it("finds a swap, a missing letter and another case", function()
    local names = { "name", "email", "createdAt", "id" }
    assert.equal("name", suggest.nearest("nmae", names))
    assert.equal("email", suggest.nearest("emal", names))
    assert.equal("createdAt", suggest.nearest("createdat", names))
    assert.equal("id", suggest.nearest("ID", names))
  end)

  it("suggests nothing that is far, or shares no letter", function()
    assert.is_nil(suggest.nearest("wombat", { "name", "id" }))
    assert.is_nil(suggest.nearest("xy", { "id" }))
    assert.is_nil(suggest.nearest(5, { "5" }))
  end)

  it("prefers the nearest, then the first by name", function()
    assert.equal("where", suggest.nearest("wher", { "here", "where" }))
    assert.equal("cat", suggest.nearest("at", { "hat", "cat" }))
    assert.equal("cat", suggest.nearest("at", { "cat", "hat" }))
  end)

  it("writes the message", function()
    assert.equal('User has no attribute "nmae" (did you mean "name"?)',
      suggest.unknown("User has no attribute", "nmae", { "id", "name" }))
    assert.equal('User has no attribute "wombat" (known: id, name)',
      suggest.unknown("User has no attribute", "wombat", { "name", "id" }))
    assert.equal('no "x"', suggest.unknown("no", "x", {}))
  end)

  it("lists at most twenty, and clips what it is asked about", function()
    local names = {}
    for i = 1, 30 do names[i] = ("n%02d"):format(i) end
    local message = suggest.unknown("no", "something else", names)
    assert.truthy(message:find("n20, ...", 1, true))
    assert.is_nil(message:find("n21", 1, true))
    assert.is_true(#suggest.unknown("no", ("x"):rep(10000), { "y" }) < 200)
    assert.equal("a?b", suggest.clip("a\nb"))
    assert.is_nil(suggest.clip(("\195\164"):rep(100)):find("\195%.%.%."))
  end)
end)
