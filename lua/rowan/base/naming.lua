--- Names: English plurals and singulars, snake_case and camelCase, and identifiers that fit. Rules are data.

local naming = {}

local function words(text)
  local set = {}
  for word in text:gmatch("%S+") do set[word] = true end
  return set
end

-- One form for one and many.
local UNCOUNTABLE = words [[
  advice aircraft audio baggage bison chaos chess cod deer economics education electricity equipment ethics
  evidence feedback fish food furniture gold hardware health homework information knowledge livestock logic
  luggage machinery mathematics means metadata money moose music news physics police research rice salmon
  scenery series sheep shrimp software species spelling staff stuff swine tennis traffic trout weather
  wildlife wood
]]

local IRREGULAR = {
  person = "people", man = "men", woman = "women", child = "children", ox = "oxen", foot = "feet",
  tooth = "teeth", goose = "geese", mouse = "mice", louse = "lice", die = "dice", quiz = "quizzes",
  datum = "data", medium = "media", bacterium = "bacteria", stratum = "strata", erratum = "errata",
  addendum = "addenda", criterion = "criteria", phenomenon = "phenomena", genus = "genera",
  matrix = "matrices", vertex = "vertices", index = "indices", appendix = "appendices", axis = "axes",
  movie = "movies", cookie = "cookies", zombie = "zombies", calorie = "calories", tie = "ties", pie = "pies",
  lie = "lies", cache = "caches", headache = "headaches", niche = "niches", avalanche = "avalanches",
  gas = "gases", lens = "lenses", atlas = "atlases", canvas = "canvases", alias = "aliases", bias = "biases",
  iris = "irises", summons = "summonses", whereas = "whereases", knife = "knives", life = "lives",
  wife = "wives", half = "halves", calf = "calves", elf = "elves", self = "selves", shelf = "shelves",
  wolf = "wolves", leaf = "leaves", loaf = "loaves", thief = "thieves", scarf = "scarves", hero = "heroes",
  potato = "potatoes", tomato = "tomatoes", echo = "echoes", torpedo = "torpedoes", veto = "vetoes",
  buffalo = "buffaloes", embargo = "embargoes", analysis = "analyses", crisis = "crises",
  diagnosis = "diagnoses", hypothesis = "hypotheses", thesis = "theses", synthesis = "syntheses",
  synopsis = "synopses", prognosis = "prognoses", parenthesis = "parentheses", oasis = "oases",
  emphasis = "emphases",
}
local MANY_TO_ONE = {}
for one, many in pairs(IRREGULAR) do MANY_TO_ONE[many] = one end

-- Words in -us that are one, whose plural takes -es; other words in -us ("menus") are plurals.
local ONE_IN_US = words [[
  apparatus bonus bus cactus campus census chorus circus colossus consensus corpus crocus discus exodus focus
  fungus genius hiatus lotus minibus minus nexus nucleus octopus omnibus opus plus prospectus radius sinus
  status stimulus surplus syllabus terminus thesaurus versus virus walrus
]]

-- { ending, what it becomes }, the first that fits. A word in a plain -s is taken for a plural, as Sequelize
-- does.
local TO_MANY = {
  { "person$", "people" }, { "people$", "people" }, { "child$", "children" }, { "children$", "children" },
  { "woman$", "women" }, { "women$", "women" }, { "ss$", "sses" }, { "sis$", "ses" }, { "s$", "s" },
  { "x$", "xes" }, { "[tz]z$", "%0es" }, { "ch$", "ches" }, { "sh$", "shes" }, { "quy$", "quies" },
  { "([^aeiou])y$", "%1ies" }, { "$", "s" },
}
local TO_ONE = {
  { "people$", "person" }, { "children$", "child" }, { "women$", "woman" }, { "ss$", "ss" },
  { "sis$", "sis" }, { "sses$", "ss" }, { "xes$", "x" }, { "ches$", "ch" }, { "shes$", "sh" },
  { "([tz])zes$", "%1z" }, { "quies$", "quy" }, { "([^aeiou])ies$", "%1y" }, { "s$", "" }, { "$", "" },
}

-- The last word of a compound (UserRole, user_role, "user role") and what comes before it.
local function last_word(name)
  local head, tail = name:match("^(.*[%l%d])(%u[%l%d]*)$")
  if not head then head, tail = name:match("^(.*[^%w])(%w+)$") end
  if not head then head, tail = "", name end
  return head, tail
end

local function apply(rules, lower)
  for _, rule in ipairs(rules) do
    if lower:find(rule[1]) then return (lower:gsub(rule[1], rule[2], 1)) end
  end
end

local function many_of(lower)
  if UNCOUNTABLE[lower] or MANY_TO_ONE[lower] then return lower end
  if IRREGULAR[lower] then return IRREGULAR[lower] end
  if ONE_IN_US[lower] then return lower .. "es" end
  return apply(TO_MANY, lower)
end

local function one_of(lower)
  if UNCOUNTABLE[lower] or IRREGULAR[lower] or ONE_IN_US[lower] then return lower end
  if MANY_TO_ONE[lower] then return MANY_TO_ONE[lower] end
  local stem = lower:match("^(.*us)es$")
  if stem and ONE_IN_US[stem] then return stem end
  return apply(TO_ONE, lower)
end

-- Letters that stay keep their case; new ones are small unless they replace capitals of a word in capitals.
local function inflect(name, how)
  local head, tail = last_word(name)
  local lower = tail:lower()
  local changed = how(lower)
  local same = 0
  while same < #lower and lower:byte(same + 1) == changed:byte(same + 1) do same = same + 1 end
  local ending = changed:sub(same + 1)
  if same < #tail and #tail > 1 and tail == tail:upper() then ending = ending:upper() end
  return head .. tail:sub(1, same) .. ending
end

---The English plural of a name's last word: "Person" -> "People", "blog_post" -> "blog_posts". Plurals stay.
---@param name string
---@return string
function naming.pluralize(name)
  return inflect(name, many_of)
end

---The English singular of a name's last word: "People" -> "Person". Singulars stay.
---@param name string
---@return string
function naming.singularize(name)
  return inflect(name, one_of)
end

---snake_case: "createdAt" -> "created_at", "HTTPServer" -> "http_server".
---@param name string
---@return string
function naming.underscore(name)
  local text = name:gsub("(%u+)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2")
  return (text:gsub("[-%s]", "_"):lower())
end

---camelCase: "user_id" -> "userId".
---@param name string
---@return string
function naming.camelize(name)
  return (name:gsub("[-_%s]+(.?)", string.upper))
end

---The name with a small first letter.
---@param name string
---@return string
function naming.lower_first(name)
  return (name:gsub("^%u", string.lower))
end

---The name with a capital first letter.
---@param name string
---@return string
function naming.upper_first(name)
  return (name:gsub("^%l", string.upper))
end

---A name of at most `max` bytes: a longer one is cut and ends in a hash of the whole.
---@param name string
---@param max integer at least 16
---@return string
function naming.shorten(name, max)
  if #name <= max then return name end
  local hash = 5381
  for i = 1, #name do hash = (hash * 33 + name:byte(i)) % 4294967296 end
  local kept = name:sub(1, max - 9)
  -- Never half a UTF-8 character.
  if name:find("^[\128-\191]", max - 8) then kept = kept:gsub("[\192-\255]?[\128-\191]*$", "") end
  return ("%s_%04x%04x"):format(kept, math.floor(hash / 65536), hash % 65536)
end

return naming
