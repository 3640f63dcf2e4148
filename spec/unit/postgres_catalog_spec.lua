-- Pictures of tables out of the answers of PostgreSQL's catalogue, which are not of one moment.
local postgres = require "rowan.dialect.postgres"

describe("pictures of the catalogue", function()
  it("leave out what others made after the tables were listed", function()
    local tables = postgres.catalog.pictures {
      enums = { { current = "public", version = 15 } },
      tables = { { id = 1, name = "users", schema = "public", kind = "r" } },
      columns = {
        { id = 1, name = "id", type = "integer", not_null = true, identity = "" },
        { id = 2, name = "id", type = "integer", not_null = true, identity = "" },
      },
      constraints = {
        { id = 1, kind = "p", name = "users_pkey", columns = { "id", "new" } },
        { id = 2, kind = "p", name = "posts_pkey", columns = { "id" } },
      },
      indexes = { { id = 2, name = "i", keys = 1, fields = { {} } } },
      triggers = { { id = 2, name = "t", definition = "" } },
    }
    assert.equal(1, #tables)
    assert.same({ true, 1, 0, 0 }, {
      tables[1].by_name.id.primary, #tables[1].columns, #tables[1].indexes, #tables[1].triggers,
    })
  end)
end)
