--- Letters beyond ASCII: capitals and small letters, and by locale the alphabet, the digits and what separates decimals.
--- Pure; the validators (change/validators, change/addresses, change/formats) read it.

local letters = {}

-- Capitals with their distance to the small letter, and from one to the next: Latin, Greek, Cyrillic, Armenian.
local CAPITALS = {
  { 0x41, 0x5A, 32, 1 }, { 0xC0, 0xD6, 32, 1 }, { 0xD8, 0xDE, 32, 1 }, { 0x100, 0x12E, 1, 2 }, { 0x132, 0x136, 1, 2 },
  { 0x139, 0x147, 1, 2 }, { 0x14A, 0x176, 1, 2 }, { 0x178, 0x178, -121, 1 }, { 0x179, 0x17D, 1, 2 },
  { 0x18F, 0x18F, 202, 1 }, { 0x1A0, 0x1A4, 1, 2 }, { 0x1AF, 0x1AF, 1, 1 }, { 0x1CD, 0x1DB, 1, 2 },
  { 0x1DE, 0x1EE, 1, 2 }, { 0x1F8, 0x21E, 1, 2 }, { 0x1E00, 0x1E94, 1, 2 }, { 0x1EA0, 0x1EFE, 1, 2 },
  { 0x386, 0x386, 38, 1 }, { 0x388, 0x38A, 37, 1 }, { 0x38C, 0x38C, 64, 1 }, { 0x38E, 0x38F, 63, 1 },
  { 0x391, 0x3A1, 32, 1 }, { 0x3A3, 0x3AB, 32, 1 }, { 0x400, 0x40F, 80, 1 }, { 0x410, 0x42F, 32, 1 },
  { 0x460, 0x480, 1, 2 }, { 0x48A, 0x4BE, 1, 2 }, { 0x4C0, 0x4C0, 15, 1 }, { 0x4C1, 0x4CD, 1, 2 },
  { 0x4D0, 0x52E, 1, 2 }, { 0x531, 0x556, 48, 1 },
}

local small_of, capital_of

-- Most programs never ask.
local function cases()
  if small_of then return small_of, capital_of end
  small_of, capital_of = {}, {}
  for _, run in ipairs(CAPITALS) do
    for code = run[1], run[2], run[4] do
      small_of[code], capital_of[code + run[3]] = code + run[3], code
    end
  end
  return small_of, capital_of
end

local CHARACTER = "[^\128-\191][\128-\191]*"
-- U+FE0E and U+FE0F: the character before as text, as a picture.
local SELECTOR = "^\239\184[\142\143]$"

local function code_of(character)
  local lead = character:byte()
  local code = lead < 0xC0 and lead or lead < 0xE0 and lead - 0xC0 or lead < 0xF0 and lead - 0xE0 or lead - 0xF0
  for i = 2, #character do code = code * 64 + character:byte(i) - 0x80 end
  return code
end

-- Whether a text has no letter of which there is another form.
local function has_none(text, other_case)
  for character in text:gmatch(CHARACTER) do
    if other_case[code_of(character)] then return false end
  end
  return true
end

---@param text string UTF-8
---@return boolean
function letters.are_small(text)
  return has_none(text, (cases()))
end

---@param text string UTF-8
---@return boolean
function letters.are_capital(text)
  return has_none(text, select(2, cases()))
end

---A text in small letters.
---@param text string UTF-8
---@return string
function letters.small(text)
  if not text:find("[\128-\255]") then return text:lower() end
  local smaller = cases()
  return (text:gsub(CHARACTER, function(character)
    local small = smaller[code_of(character)]
    if not small then return nil end
    if small < 0x80 then return string.char(small) end
    if small < 0x800 then return string.char(0xC0 + math.floor(small / 64), 0x80 + small % 64) end
    return string.char(0xE0 + math.floor(small / 4096), 0x80 + math.floor(small / 64) % 64, 0x80 + small % 64)
  end))
end

---How many characters a UTF-8 text has; one that only chooses how the one before looks does not count.
---@param text string
---@return integer
function letters.count(text)
  if not text:find("[\128-\255]") then return #text end
  local _, count = text:gsub("[^\128-\191]", "")
  if not text:find("\239\184", 1, true) then return count end
  local before = SELECTOR
  for character in text:gmatch(CHARACTER) do
    local selects = character:find(SELECTOR) ~= nil
    if selects and before ~= SELECTOR then count = count - 1 end
    before = selects and SELECTOR or character
  end
  return count
end

---@class rowan.Letters ranges of code points, each from its first to its last
---@field [integer] integer[]
---@field ascii? string

---The ranges that a text like "a-zäöü" stands for.
---@param text string UTF-8
---@return rowan.Letters
function letters.ranges(text)
  local list, from = {}, nil
  for character in text:gmatch(CHARACTER) do
    local code, last = code_of(character), list[#list]
    if character == "-" and last and not from then
      from = last
    elseif from then
      from[2], from = code, nil
    else
      list[#list + 1] = { code, code }
    end
  end
  return list
end

local function is_within(code, ranges)
  for i = 1, #ranges do
    local range = ranges[i]
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

-- What of ASCII is in these ranges, as a Lua pattern, which is quicker to ask.
local function ascii_of(ranges)
  local smaller, class = cases(), {}
  for code = 1, 127 do
    if is_within(smaller[code] or code, ranges) then class[#class + 1] = string.char(code):gsub("%p", "%%%0") end
  end
  return class[1] and "^[" .. table.concat(class) .. "]+$" or "^$."
end

---Whether a text, which is not empty, has nothing but characters of these ranges (of small letters: capitals too).
---@param text string UTF-8
---@param ranges rowan.Letters
---@return boolean
function letters.are_within(text, ranges)
  if not text:find("[\128-\255]") then
    ranges.ascii = ranges.ascii or ascii_of(ranges)
    return text:find(ranges.ascii) ~= nil
  end
  local smaller = cases()
  for character in text:gmatch(CHARACTER) do
    local code = code_of(character)
    if not is_within(smaller[code] or code, ranges) then return false end
  end
  return true
end

local LATIN, ARABIC = "a-z", { { 0x621, 0x63A }, { 0x641, 0x652 }, { 0x670, 0x670 } }

-- By locale: the alphabet in small letters, what separates decimals where that is no point, digits beside 0-9.
local LOCALES = {
  ["en"] = { LATIN }, ["en-ZM"] = { LATIN, "," }, ["id-ID"] = { LATIN, "," },
  ["az-AZ"] = { "a-vxyzçəğİıöşü", "," }, ["bg-BG"] = { "а-я", "," }, ["cs-CZ"] = { "a-záčďéěíňóřšťúůýž", "," },
  ["da-DK"] = { "a-zæøå", "," }, ["de-DE"] = { "a-zäöüß", "," }, ["el-GR"] = { "ΐά-ώ", "," },
  ["eo"] = { "a-pr-vzĉĝĥĵŝŭ", "," }, ["es-ES"] = { "a-záéíñóúü", "," }, ["fi-FI"] = { "a-zåäö", "," },
  ["fr-FR"] = { "a-zàâæçéèêëïîôœùûüÿ", "," }, ["hu-HU"] = { "a-záéíóöőúüű", "," },
  ["it-IT"] = { "a-zàéèìîóòù", "," }, ["kk-KZ"] = { "а-яёәұіңғүқөһ", "," }, ["nb-NO"] = { "a-zæøå", "," },
  ["nl-NL"] = { "a-záéëïóöüú", "," }, ["nn-NO"] = { "a-zæøå", "," }, ["pl-PL"] = { "a-ząćęśłńóżź", "," },
  ["pt-PT"] = { "a-zãáàâäçéêëíïõóôöúü", "," }, ["ru-RU"] = { "а-яё", "," },
  ["sk-SK"] = { "a-záčďéíňóšťúýžĺŕľäô", "," }, ["sl-SI"] = { "a-zčćđšž", "," }, ["sr-RS"] = { "а-яђјљњћџ", "," },
  ["sr-RS@latin"] = { "a-zčćžšđ", "," }, ["sv-SE"] = { "a-zåäö", "," }, ["tr-TR"] = { "a-zçğİıöşü", "," },
  ["uk-UA"] = { "а-щьюяєiїґі", "," },
  ["vi-VN"] = { "a-zàáạảãâầấậẩẫăằắặẳẵđèéẹẻẽêềếệểễìíịỉĩòóọỏõôồốộổỗơờớợởỡùúụủũưừứựửữỳýỵỷỹ", "," },
  ["ar"] = { ARABIC, "٫", "٠-٩" }, ["ar-EG"] = { ARABIC, ".", "٠-٩" }, ["ar-LB"] = { ARABIC, ".", "٠-٩" },
  ["ar-LY"] = { ARABIC, ".", "٠-٩" }, ["fa"] = { "آاءأؤئبپتثجچحخدذرزژسشصضطظعغفقکگلمنوهةی", "٫", "۰-۹" },
  ["ku-IQ"] = { "ئابپتجچحخدرڕزژسشعغفڤقکگلڵمنوۆھەیێيطؤثآإأكضصةظذ", ",", "٠-٩" },
  ["he"] = { "א-ת" }, ["th-TH"] = { "ก-๏ ", ".", "๐-๙" }, ["ko-KR"] = { "ㄱ-ㅎㅏ-ㅣ가-힣" },
  ["ja-JP"] = { "ぁ-んァ-ヶｦ-ﾟ一-龠ー・。、", ".", "０-９" },
  ["bn"] = { { { 0x980, 0x9E5 }, { 0x9F0, 0x9FF } }, ".", "০-৯" },
  ["hi-IN"] = { { { 0x900, 0x963 }, { 0x970, 0x97F } }, ",", "०-९" }, ["gu-IN"] = { { { 0xA80, 0xAFF } }, ",", "." },
  ["kn-IN"] = { { { 0xC80, 0xCFF } }, ",", "." }, ["ml-IN"] = { { { 0xD00, 0xD7F } }, ",", "." },
  ["or-IN"] = { { { 0xB00, 0xB7F } }, ",", "." }, ["pa-IN"] = { { { 0xA00, 0xA7F } }, ",", "." },
  ["si-LK"] = { { { 0xD80, 0xDFF } }, "," }, ["ta-IN"] = { { { 0xB80, 0xBFF } }, ",", "." },
  ["te-IN"] = { { { 0xC00, 0xC7F } }, ",", "." },
}
LOCALES["fr-CA"], LOCALES["pt-BR"] = LOCALES["fr-FR"], LOCALES["pt-PT"]

-- The locales of some languages, of any country, are alike.
local function found(locale)
  return LOCALES[locale] or (locale:find("^%l%l%-") and LOCALES[locale:sub(1, 2)])
end

---Whether a locale is known: "de-DE".
---@param locale any
---@return boolean
function letters.knows(locale)
  return type(locale) == "string" and found(locale) ~= nil
end

---The letters of a locale, or its letters and digits.
---@param locale? string "en" when not given
---@param with_digits? boolean
---@return rowan.Letters
function letters.of(locale, with_digits)
  local entry, list = found(locale or "en"), {}
  local alphabet = type(entry[1]) == "table" and entry[1] or letters.ranges(entry[1])
  for _, range in ipairs(alphabet) do list[#list + 1] = range end
  if not with_digits then return list end
  for _, range in ipairs(letters.ranges("0-9" .. (entry[3] or ""))) do list[#list + 1] = range end
  return list
end

---What separates the decimals of a number.
---@param locale? string
---@return string
function letters.separator(locale)
  return found(locale or "en")[2] or "."
end

return letters
