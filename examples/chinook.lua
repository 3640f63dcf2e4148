-- Models over a database that is already there: the eleven tables of Chinook, a music shop. Prints the five artists that
-- sold most, with their albums and tracks, and the sales by country.
--
--     lua5.4 examples/chinook.lua path/to/chinook.sqlite
--     lua5.4 examples/chinook.lua postgres:///chinook
--
-- The SQLite edition of Chinook names its columns AlbumId, the PostgreSQL edition album_id. Here they are albumId in both.

local rowan = require("rowan")
local DataTypes = rowan.DataTypes

local where = arg and arg[1] or "../shared/data/chinook.sqlite"
local db
if where:find("^%a[%w+.-]*:") then
  db = rowan.connect(where)
else
  local file = io.open(where, "rb")
  if not file then
    io.stderr:write("chinook: there is no file ", where, "; give the path of a Chinook database\n")
    os.exit(2)
  end
  file:close()
  -- Nothing is written, so the file stays as it is, and may be one that only its owner can write.
  db = rowan.connect{ dialect = "sqlite", storage = where, mode = "ro" }
end

local INTEGER, DECIMAL, DATE = DataTypes.INTEGER, DataTypes.DECIMAL(10, 2), DataTypes.DATE

local function upper_first(name)
  return name:sub(1, 1):upper() .. name:sub(2)
end

-- `columns` is a list of { name, type, options... }; the first is the primary key unless several say so.
local function define(name, columns)
  local attributes = {}
  for i, column in ipairs(columns) do
    local attribute = { column[1], column[2], primaryKey = column.primaryKey or (i == 1 and not columns.composite) }
    if db.dialect == "sqlite" then attribute.field = upper_first(column[1]) end
    attributes[i] = attribute
  end
  local snake = name:gsub("(%l)(%u)", "%1_%2"):lower()
  return db:define(name, attributes, {
    tableName = db.dialect == "sqlite" and name or snake, timestamps = false, underscored = db.dialect == "postgres",
  })
end

local function text(length) return DataTypes.STRING(length) end

local Artist = define("Artist", { { "artistId", INTEGER }, { "name", text(120) } })
local Album = define("Album", { { "albumId", INTEGER }, { "title", text(160) }, { "artistId", INTEGER } })
local Genre = define("Genre", { { "genreId", INTEGER }, { "name", text(120) } })
local MediaType = define("MediaType", { { "mediaTypeId", INTEGER }, { "name", text(120) } })
local Track = define("Track", {
  { "trackId", INTEGER }, { "name", text(200) }, { "albumId", INTEGER }, { "mediaTypeId", INTEGER },
  { "genreId", INTEGER }, { "composer", text(220) }, { "milliseconds", INTEGER }, { "bytes", INTEGER },
  { "unitPrice", DECIMAL },
})
local Employee = define("Employee", {
  { "employeeId", INTEGER }, { "lastName", text(20) }, { "firstName", text(20) }, { "title", text(30) },
  { "reportsTo", INTEGER }, { "birthDate", DATE }, { "hireDate", DATE }, { "address", text(70) },
  { "city", text(40) }, { "state", text(40) }, { "country", text(40) }, { "postalCode", text(10) },
  { "phone", text(24) }, { "fax", text(24) }, { "email", text(60) },
})
local Customer = define("Customer", {
  { "customerId", INTEGER }, { "firstName", text(40) }, { "lastName", text(20) }, { "company", text(80) },
  { "address", text(70) }, { "city", text(40) }, { "state", text(40) }, { "country", text(40) },
  { "postalCode", text(10) }, { "phone", text(24) }, { "fax", text(24) }, { "email", text(60) },
  { "supportRepId", INTEGER },
})
local Invoice = define("Invoice", {
  { "invoiceId", INTEGER }, { "customerId", INTEGER }, { "invoiceDate", DATE }, { "billingAddress", text(70) },
  { "billingCity", text(40) }, { "billingState", text(40) }, { "billingCountry", text(40) },
  { "billingPostalCode", text(10) }, { "total", DECIMAL },
})
local InvoiceLine = define("InvoiceLine", {
  { "invoiceLineId", INTEGER }, { "invoiceId", INTEGER }, { "trackId", INTEGER }, { "unitPrice", DECIMAL },
  { "quantity", INTEGER },
})
local Playlist = define("Playlist", { { "playlistId", INTEGER }, { "name", text(120) } })
local PlaylistTrack = define("PlaylistTrack", {
  { "playlistId", INTEGER, primaryKey = true }, { "trackId", INTEGER, primaryKey = true }, composite = true,
})

-- The tables have their keys; the associations only say how rows belong together.
local function belongs(child, parent, key, as, children)
  child:belongsTo(parent, { as = as, foreignKey = key, constraints = false })
  parent:hasMany(child, { as = children, foreignKey = key, constraints = false })
end
belongs(Album, Artist, "artistId", "artist", "albums")
belongs(Track, Album, "albumId", "album", "tracks")
belongs(Track, Genre, "genreId", "genre", "tracks")
belongs(Track, MediaType, "mediaTypeId", "mediaType", "tracks")
belongs(Invoice, Customer, "customerId", "customer", "invoices")
belongs(InvoiceLine, Invoice, "invoiceId", "invoice", "lines")
belongs(InvoiceLine, Track, "trackId", "track", "lines")
belongs(Customer, Employee, "supportRepId", "supportRep", "customers")
belongs(Employee, Employee, "reportsTo", "manager", "reports")
belongs(PlaylistTrack, Playlist, "playlistId", "playlist", "entries")
belongs(PlaylistTrack, Track, "trackId", "track", "entries")

-- DECIMAL is exact text ("12.34"), so money is added up in cents.
local function cents(decimal)
  return tonumber((decimal:gsub("%.", "")))
end

local function money(amount)
  return ("%d.%02d"):format(math.floor(amount / 100), amount % 100)
end

local function top(totals, count)
  local names = {}
  for name in pairs(totals) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if totals[a] ~= totals[b] then return totals[a] > totals[b] end
    return a < b
  end)
  local list = {}
  for i = 1, math.min(count, #names) do list[i] = names[i] end
  return list
end

local sold = {}
for _, line in ipairs(InvoiceLine:findAll{ include = { { as = "track", include = "album" } } }) do
  local artist = line.track.album.artistId
  sold[artist] = (sold[artist] or 0) + cents(line.unitPrice) * line.quantity
end

local best = top(sold, 5)
local artists = {}
for _, artist in ipairs(Artist:findAll{
  where = { artistId = best },
  include = { { as = "albums", order = { "title" }, include = { { as = "tracks", order = { "trackId" } } } } },
}) do
  artists[artist.artistId] = artist
end

print("The five best-selling artists")
for rank, id in ipairs(best) do
  local artist = artists[id]
  print(("%d. %s: %s"):format(rank, artist.name, money(sold[id])))
  for _, album in ipairs(artist.albums) do
    print(("   %s (%d tracks)"):format(album.title, #album.tracks))
    for i = 1, math.min(3, #album.tracks) do print("      " .. album.tracks[i].name) end
  end
end

local by_country = {}
for _, invoice in ipairs(Invoice:findAll{ attributes = { "billingCountry", "total" }, raw = true }) do
  by_country[invoice.billingCountry] = (by_country[invoice.billingCountry] or 0) + cents(invoice.total)
end

print("\nSales by country")
for _, country in ipairs(top(by_country, 100)) do
  print(("%-16s %10s"):format(country, money(by_country[country])))
end

db:close()
