-- Associations as they are defined: names, keys, actions, junctions, and the tables that sync makes of them.
local helper = require "spec.helper"
local rowan = require "rowan"

local DataTypes = rowan.DataTypes
local error_of, says = helper.error_of, helper.says
local PLAIN = { timestamps = false }

local function primary(model)
  return table.concat(model.primaryKeyAttributes, " ")
end

helper.each(function(dialect, connect)
  local db, User, Post

  before_each(function()
    db = connect()
    User = db:define("User", { name = DataTypes.STRING }, PLAIN)
    Post = db:define("Post", { title = DataTypes.STRING }, PLAIN)
  end)

  describe("an association", function()
    it("says what it is", function()
      local posts, user = User:hasMany(Post), Post:belongsTo(User)
      assert.equal("association", rowan.kind(posts))
      assert.equal("hasMany", posts.kind)
      assert.equal(User, posts.source)
      assert.equal(Post, posts.target)
      assert.equal("posts", posts.as)
      assert.equal("post", posts.singular)
      assert.equal("userId", posts.foreignKey)
      assert.is_true(posts.multiple)
      assert.is_false(user.multiple)
      assert.equal(posts, User:getAssociation("posts"))
      assert.same({
        get = "getPosts", count = "countPosts", has = "hasPost", hasAll = "hasPosts", set = "setPosts", add = "addPost",
        addMany = "addPosts", remove = "removePost", removeMany = "removePosts", create = "createPost",
      }, posts.accessors)
      assert.same({ get = "getUser", set = "setUser", create = "createUser" }, user.accessors)
      assert.equal(User, User.definition.model)
    end)

    it("is named by its alias, in the singular and in the plural", function()
      User:hasMany(Post, { as = "articles" })
      User:hasMany(Post, { as = { singular = "datum", plural = "facts" }, foreignKey = "factId" })
      Post:belongsTo(User, { as = "author" })
      local user, post = User:build {}, Post:build {}
      for _, name in ipairs { "getArticles", "addArticle", "addArticles", "createArticle", "getFacts", "addDatum" } do
        assert.is_function(user[name], name)
      end
      assert.is_function(post.setAuthor)
      assert.equal("authorId", Post.associations.author.foreignKey)
    end)

    it("has one method where singular and plural are the same", function()
      local Sheep = db:define("Sheep", { name = DataTypes.STRING }, PLAIN)
      User:hasMany(Sheep)
      assert.is_function(User:build {}.addSheep)
    end)

    it("refuses names that are taken", function()
      says('the alias "name" is an attribute of User', "AssociationError", User.hasOne, User, Post, { as = "name" })
      says('the alias "save" would hide the method', "AssociationError", User.hasOne, User, Post, { as = "save" })
      User:hasMany(Post)
      says('already has an association "posts"', "AssociationError", User.hasMany, User, Post)
      function User.prototype.getPapers() return 1 end
      says("User.getPapers, which the alias", "AssociationError", User.hasMany, User, Post, { as = "papers" })
      local Odd = db:define("Odd", { getPosts = DataTypes.STRING }, PLAIN)
      says("Odd.getPosts, which the alias", "AssociationError", Odd.hasMany, Odd, Post)
      says("is also the foreign key", "AssociationError", Post.belongsTo, Post, User, { as = "x", foreignKey = "x" })
      Post:belongsTo(User, { as = "boss" })
      says("has the name of an association", "AssociationError", User.hasMany, User, Post,
        { as = "more", foreignKey = "boss" })
      assert.is_nil(User.associations.papers)
      assert.equal(1, User:build {}:getPapers())
    end)

    it("refuses what it does not know, by name", function()
      says('did you mean "foreignKey"', "AssociationError", User.hasMany, User, Post, { foreinKey = "x" })
      says("wants a model first", "AssociationError", User.hasMany, User, "Post")
      says('sourceKey: User has no attribute "nme" (did you mean "name"?)', "AssociationError", User.hasMany, User,
        Post, { sourceKey = "nme" })
      says('onDelete has no action "EXPLODE"', "DefinitionError", User.hasMany, User, Post, { onDelete = "EXPLODE" })
      says("is a model of another database", "AssociationError", User.hasMany, User,
        connect():define("Post", { a = DataTypes.STRING }))
      says("is not unique", "AssociationError", User.hasMany, User, Post, { sourceKey = "name" })
      assert.is_true(pcall(User.hasMany, User, Post, { sourceKey = "name", constraints = false }))
    end)
  end)

  describe("a foreign key", function()
    local function reference(model, name)
      return model.rawAttributes[name].references
    end

    it("takes its type from what it points at, and its options from foreignKey", function()
      local Country = db:define("Country", { code = { type = DataTypes.CHAR(2), primaryKey = true } }, PLAIN)
      User:belongsTo(Country, { foreignKey = { name = "country", field = "cc", allowNull = false } , as = "home" })
      local attr = User.rawAttributes.country
      assert.equal("CHAR", attr.type.key)
      assert.equal("cc", attr.field)
      assert.is_false(attr.allowNull)
      assert.same({ table = "Countries", key = "code", onDelete = "CASCADE", onUpdate = "CASCADE" },
        reference(User, "country"))
    end)

    it("becomes NULL with what it points at, or goes with it where it cannot", function()
      User:hasMany(Post)
      assert.equal("SET NULL", reference(Post, "userId").onDelete)
      assert.equal("CASCADE", reference(Post, "userId").onUpdate)
      -- Said later by the other side, it holds as well.
      Post:belongsTo(User, { foreignKey = { allowNull = false } })
      assert.equal("CASCADE", reference(Post, "userId").onDelete)
    end)

    it("does what was said, by whichever side", function()
      Post:belongsTo(User)
      User:hasMany(Post, { onDelete = "restrict", onUpdate = "NO ACTION" })
      assert.equal("RESTRICT", reference(Post, "userId").onDelete)
      assert.equal("NO ACTION", reference(Post, "userId").onUpdate)
      says("onDelete was given before as RESTRICT, now as CASCADE", "DefinitionError", User.hasOne, User, Post,
        { as = "first", onDelete = "CASCADE" })
      says("onDelete = SET NULL cannot be", "AssociationError", User.hasOne, User, Post,
        { as = "other", foreignKey = { name = "ownerId", allowNull = false }, onDelete = "SET NULL" })
    end)

    it("is not in the database without constraints", function()
      User:hasMany(Post, { constraints = false })
      assert.is_nil(reference(Post, "userId"))
      db:sync()
      assert.equal(99, Post:create { title = "x", userId = 99 }.userId)
    end)

    it("points at one table only", function()
      local Video = db:define("Video", {}, PLAIN)
      User:hasMany(Post, { foreignKey = "ownerId" })
      says("references Users (id) already", "DefinitionError", Video.hasMany, Video, Post, { foreignKey = "ownerId" })
      assert.is_true(pcall(Video.hasMany, Video, Post, { foreignKey = "ownerId", constraints = false }))
    end)

    it("may be an attribute that is there, with a reference of its own", function()
      local Note = db:define("Note", {
        owner = { type = DataTypes.INTEGER, references = { table = "Users", key = "id" }, onDelete = "CASCADE" },
      }, PLAIN)
      Note:belongsTo(User, { as = "author", foreignKey = "owner" })
      assert.equal("CASCADE", reference(Note, "owner").onDelete)
      assert.equal(User.definition, Note.definition.by_name.owner.references.definition)
    end)
  end)

  describe("a scope", function()
    it("is checked against the target", function()
      says('scope: Post has no attribute "titel" (did you mean "title"?)', "AssociationError", User.hasMany, User, Post,
        { scope = { titel = "x" } })
      says("scope: Post.title must be a string", "AssociationError", User.hasMany, User, Post, { scope = { title = 1 } })
      assert.same({ title = "x" }, User:hasMany(Post, { scope = { title = "x" } }).scope)
    end)
  end)

  describe("a junction", function()
    local Tag

    before_each(function()
      Tag = db:define("Tag", { name = DataTypes.STRING }, PLAIN)
    end)

    it("is made when only its name is given", function()
      local tags = Post:belongsToMany(Tag, { through = "PostTags" })
      local posts = Tag:belongsToMany(Post, { through = "PostTags" })
      local model = db:model("PostTags")
      assert.equal("PostTags", model:getTableName())
      assert.same({ "postId", "tagId", "createdAt", "updatedAt" }, model.attributeNames)
      assert.equal("postId tagId", primary(model))
      for _, key in ipairs { "postId", "tagId" } do
        assert.equal("CASCADE", model.rawAttributes[key].references.onDelete)
        assert.equal("CASCADE", model.rawAttributes[key].references.onUpdate)
      end
      assert.equal("postId", tags.foreignKey)
      assert.equal("tagId", tags.otherKey)
      assert.equal("tagId", posts.foreignKey)
      assert.equal("postId", posts.otherKey)
      assert.equal(model, tags.through.model)
      assert.equal(model, posts.through.model)
      assert.equal("PostTags", tags.through.as)
      assert.is_nil(tags.keys)
      assert.equal(model.definition.by_name.postId, tags.source_keys[1].through)
      assert.equal(Tag.definition.by_name.id, tags.target_keys[1].target)
    end)

    it("can go without timestamps", function()
      Post:belongsToMany(Tag, { through = "PostTags", timestamps = false })
      assert.same({ "postId", "tagId" }, db:model("PostTags").attributeNames)
      Post:belongsToMany(Tag, { as = "marks", through = { model = "Marks", timestamps = false } })
      assert.same({ "postId", "tagId" }, db:model("Marks").attributeNames)
    end)

    it("has the names of keys that either side gives", function()
      local tags = Post:belongsToMany(Tag, { through = "PostTags", foreignKey = "post_id" })
      assert.equal("tagId", tags.otherKey)
      local posts = Tag:belongsToMany(Post, { through = "PostTags", foreignKey = "tag_id" })
      assert.equal("tag_id", tags.otherKey)
      assert.equal("post_id", posts.otherKey)
      assert.same({ "post_id", "tag_id", "createdAt", "updatedAt" }, db:model("PostTags").attributeNames)
      assert.equal("post_id tag_id", primary(db:model("PostTags")))
      assert.equal("tag_id", tags.target_keys[1].through.name)
      db:sync()
      Post:create({ title = "p", tags = { { name = "t" } } }, { include = "tags" })
      assert.equal("p", Tag:findOne():getPosts()[1].title)
    end)

    it("can be a model, which loses the id that nobody asked for", function()
      local PostTag = db:define("PostTag", { weight = DataTypes.INTEGER }, PLAIN)
      assert.equal("id", primary(PostTag))
      Post:belongsToMany(Tag, { through = PostTag })
      Tag:belongsToMany(Post, { through = { model = PostTag } })
      assert.equal("postId tagId", primary(PostTag))
      assert.same({ "weight", "postId", "tagId" }, PostTag.attributeNames)
      assert.is_nil(PostTag.definition.auto)
    end)

    it("keeps a primary key of its own, beside a unique index", function()
      local Role = db:define("Role", { no = { type = DataTypes.INTEGER, primaryKey = true, autoIncrement = true } }, PLAIN)
      User:belongsToMany(Post, { through = Role })
      Post:belongsToMany(User, { through = Role })
      assert.equal("no", primary(Role))
      assert.equal("CASCADE", Role.rawAttributes.userId.references.onDelete)
      assert.equal(1, #Role.definition.uniques)
      db:sync()
      User:create {}
      Post:create {}
      Role:create { userId = 1, postId = 1 }
      local err = error_of(Role.create, Role, { userId = 1, postId = 1 })
      assert.equal("UniqueConstraintError", err.name)
    end)

    it("has rows more than once with unique = false", function()
      local Visit = db:define("Visit", { at = DataTypes.INTEGER }, PLAIN)
      User:belongsToMany(Post, { through = { model = Visit, unique = false } })
      assert.equal("id", primary(Visit))
      assert.equal(0, #Visit.definition.uniques)
      User:belongsToMany(Post, { as = "seen", through = { model = "Looks", unique = false } })
      assert.equal("id", primary(db:model("Looks")))
    end)

    it("names its unique index", function()
      local Role = db:define("Role", { no = { type = DataTypes.INTEGER, primaryKey = true } }, PLAIN)
      User:belongsToMany(Post, { through = { model = Role, unique = "one_role" } })
      assert.equal("one_role", Role.definition.uniques[1].name)
    end)

    it("ties a model to itself, under two aliases", function()
      says("needs an alias", "AssociationError", User.belongsToMany, User, User, { through = "Friends" })
      local children = User:belongsToMany(User, { as = "children", through = "Family", foreignKey = "parentId" })
      local parents = User:belongsToMany(User, { as = "parents", through = "Family", foreignKey = "childId" })
      assert.equal("childId", children.otherKey)
      assert.equal("parentId", parents.otherKey)
      assert.equal("parentId childId", primary(db:model("Family")))
      local friends = User:belongsToMany(User, { as = "friends", through = "Friends" })
      assert.equal("userId", friends.foreignKey)
      assert.equal("friendId", friends.otherKey)
    end)

    it("refuses what cannot be", function()
      says("through wants the model in between", "AssociationError", Post.belongsToMany, Post, Tag)
      says("through wants the model in between", "AssociationError", Post.belongsToMany, Post, Tag, { through = 5 })
      says('has no option "modle" (did you mean "model"?)', "AssociationError", Post.belongsToMany, Post, Tag,
        { through = { modle = "x" } })
      says('both keys of X would be "a"', "AssociationError", Post.belongsToMany, Post, Tag,
        { through = "X", foreignKey = "a", otherKey = "a" })
      says('through.scope: Y has no attribute "kind"', "AssociationError", Post.belongsToMany, Post, Tag,
        { through = { model = "Y", scope = { kind = "x" } } })
    end)

    it("can point at other keys than the primary ones", function()
      local Book = db:define("Book", { isbn = { type = DataTypes.STRING(13), unique = true } }, PLAIN)
      local Shop = db:define("Shop", { code = { type = DataTypes.CHAR(3), unique = true } }, PLAIN)
      local sold = Shop:belongsToMany(Book, { through = "Stock", sourceKey = "code", targetKey = "isbn", timestamps = false })
      assert.equal("shopCode", sold.foreignKey)
      assert.equal("bookIsbn", sold.otherKey)
      db:sync()
      Shop:create({ code = "abc", books = { { isbn = "111" }, { isbn = "222" } } }, { include = "books" })
      local shop = Shop:findOne()
      assert.equal(2, shop:countBooks())
      assert.is_true(shop:hasBook("222"))
      shop:removeBook("111")
      assert.equal("222", shop:getBooks()[1].isbn)
    end)
  end)

  describe("composite keys", function()
    local Seat, Ticket

    before_each(function()
      Seat = db:define("Seat", {
        { "row", DataTypes.STRING(1), primaryKey = true }, { "no", DataTypes.INTEGER, primaryKey = true },
      }, PLAIN)
      Ticket = db:define("Ticket", { price = DataTypes.INTEGER }, PLAIN)
    end)

    it("are paired with the primary key, in its order", function()
      local tickets = Seat:hasMany(Ticket)
      local seat = Ticket:belongsTo(Seat, { foreignKey = { "seatRow", "seatNo" } })
      assert.same({ "seatRow", "seatNo" }, tickets.foreignKey)
      assert.same({ "seatRow", "seatNo" }, seat.foreignKey)
      assert.equal(2, #seat.keys)
      assert.equal(1, #Ticket.definition.foreign_keys)
      says("names 1 attributes, and the key it points at has 2", "AssociationError", Ticket.belongsTo, Ticket, Seat,
        { as = "other", foreignKey = "x" })
      db:sync()
      Seat:bulkCreate { { row = "a", no = 1 }, { row = "a", no = 2 } }
      local ticket = Seat:findByPk { row = "a", no = 2 }:createTicket { price = 5 }
      assert.equal("a", ticket.seatRow)
      assert.equal(2, ticket:getSeat().no)
      assert.equal(0, Seat:findByPk { row = "a", no = 1 }:countTickets())
      assert.equal(1, Seat:findByPk { row = "a", no = 2 }:countTickets())
      local err = error_of(Ticket.create, Ticket, { seatRow = "z", seatNo = 1 })
      assert.equal("ForeignKeyConstraintError", err.name)
      Seat:destroy { where = rowan.all }
      ticket:reload()
      assert.is_nil(ticket.seatRow)
    end)

    it("take as many statements for 500 rows as for one", function()
      Seat:belongsToMany(Ticket, { through = "Bookings", timestamps = false })
      Ticket:belongsToMany(Seat, { through = "Bookings" })
      db:sync()
      local seats = {}
      for i = 1, 500 do seats[i] = { row = ("abcde"):sub(i % 5 + 1, i % 5 + 1), no = i } end
      seats = Seat:bulkCreate(seats)
      local ticket = Ticket:create { price = 1 }
      local function statements(some)
        return {
          helper.count(function() ticket:addSeats(some) end),
          helper.count(function() assert.is_true(ticket:hasSeats(some)) end),
          helper.count(function() ticket:removeSeats(some) end),
        }
      end
      local one = statements { seats[1] }
      assert.same(one, statements(seats))
      assert.equal(0, ticket:countSeats())
    end)

    it("make junctions", function()
      Seat:belongsToMany(Ticket, { through = "Bookings", timestamps = false })
      Ticket:belongsToMany(Seat, { through = "Bookings" })
      assert.equal("seatRow seatNo ticketId", primary(db:model("Bookings")))
      db:sync()
      Seat:bulkCreate { { row = "a", no = 1 }, { row = "a", no = 2 }, { row = "b", no = 1 } }
      local ticket = Ticket:create { price = 1 }
      ticket:addSeats { { row = "a", no = 1 }, { row = "b", no = 1 }, { row = "b", no = 1 } }
      assert.equal(2, ticket:countSeats())
      assert.is_true(ticket:hasSeats { { row = "b", no = 1 }, { row = "a", no = 1 } })
      assert.is_false(ticket:hasSeat { row = "a", no = 2 })
      ticket:setSeats { { row = "a", no = 2 }, { row = "b", no = 1 } }
      local seats = ticket:getSeats { order = { "row", "no" } }
      assert.equal("a2b1", seats[1].row .. seats[1].no .. seats[2].row .. seats[2].no)
      assert.equal("a", seats[1].Bookings.seatRow)
      ticket:removeSeats { { row = "b", no = 1 }, seats[1] }
      assert.equal(0, ticket:countSeats())
    end)
  end)

  describe("sync", function()
    local function tables()
      if dialect == "sqlite" then
        return db:query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      end
      return db:query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    end

    it("makes tables in the order of their keys, however they were defined", function()
      local PostTag = db:define("PostTag", {}, PLAIN)
      local Tag = db:define("Tag", { name = DataTypes.STRING }, PLAIN)
      Post:belongsToMany(Tag, { through = PostTag })
      Post:belongsTo(User)
      assert.is_true(pcall(db.sync, db))
      assert.is_true(pcall(db.sync, db))
      Post:create({ title = "x", tags = { { name = "y" } }, user = { name = "z" } }, { include = { "tags", "user" } })
      db:sync { force = true }
      assert.equal(0, Post:count())
      db:drop()
      assert.equal(0, #tables())
    end)

    it("counts a table that was given by its name", function()
      local first = db:define("A", { b = { type = DataTypes.INTEGER, references = { table = "Bs", key = "id" } } }, PLAIN)
      local second = db:define("B", {}, PLAIN)
      local sent = helper.statements(function() db:sync() end)
      local at = {}
      for i, text in ipairs(sent) do
        for _, name in ipairs { "A", "B" } do
          if text:find('CREATE TABLE IF NOT EXISTS "' .. name .. 's"', 1, true) then at[name] = i end
        end
      end
      assert.is_true(at.B < at.A)
      second:create {}
      first:create { b = 1 }
      db:sync { force = true }
      db:drop()
      assert.equal(0, #tables())
    end)

    it("makes and drops cycles, with rows in them", function()
      local Team = db:define("Team", { name = DataTypes.STRING }, PLAIN)
      User:belongsTo(Team)
      Team:belongsTo(User, { as = "captain" })
      User:belongsTo(User, { as = "boss" })
      local function fill()
        local team = Team:create { name = "t" }
        local user = team.id and User:create { name = "u", teamId = team.id }
        team:setCaptain(user)
        user:setBoss(user)
        local err = error_of(User.create, User, { teamId = 99 })
        assert.equal("ForeignKeyConstraintError", err.name)
        err = error_of(Team.create, Team, { captainId = 99 })
        assert.equal("ForeignKeyConstraintError", err.name)
      end
      db:sync()
      db:sync()
      fill()
      db:sync { force = true }
      assert.equal(0, User:count())
      fill()
      db:drop()
      assert.equal(0, #tables())
    end)

    it("makes cycles of composite keys", function()
      local keys = { { "a", DataTypes.INTEGER, primaryKey = true }, { "b", DataTypes.INTEGER, primaryKey = true } }
      local Left, Right = db:define("Left", keys, PLAIN), db:define("Right", keys, PLAIN)
      Left:belongsTo(Right, { as = "right" })
      Right:belongsTo(Left, { as = "left" })
      db:sync()
      db:sync()
      Left:create { a = 1, b = 2 }
      Right:create { a = 3, b = 4, leftA = 1, leftB = 2 }
      Left:findOne():setRight { a = 3, b = 4 }
      local err = error_of(Left.create, Left, { a = 5, b = 6, rightA = 9, rightB = 9 })
      assert.equal("ForeignKeyConstraintError", err.name)
      db:sync { force = true }
      db:drop()
      assert.equal(0, #tables())
    end)
  end)
end)
