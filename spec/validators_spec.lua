-- The built-in validators one by one: what each lets through, what not, and which arguments it takes.
local helper = require "spec.helper"
local rowan = require "rowan"

local D = rowan.DataTypes

-- A model with one attribute of text for each way of saying what a value must be.
local function passes(db, validate, value)
  local Model = db:define("Checked", { a = { type = D.TEXT, validate = validate } }, { timestamps = false })
  local row = Model:build{ a = value }
  return (pcall(row.validate, row))
end

local LONG = ("a"):rep(64)

-- name, what it is told, what passes, what fails
local EXAMPLES = {
  { "isEmail", true, { "a@b.co", "first.last+tag@example.com.au", "hans.müller@exämple.de", '"a b"@example.com',
    LONG .. "@example.com" }, { "a", "a@", "@b.co", "a@b", "a@b.c", "a..b@example.com", ".a@example.com",
    "a b@example.com", "a@_b.com", "a@b.com.", "a@b@c.com", LONG .. "a@example.com", '"a"b@example.com',
    "a@exa mple.com", "a@-b.com" } },
  { "isEmail", { allow_display_name = true }, { "Ann <ann@example.com>", "ann@example.com",
    '"Ann; B" <ann@example.com>' }, { "Ann ann@example.com", "<ann@example.com>", "Ann; B <ann@example.com>",
    "Ann < ann@example.com >" } },
  { "isEmail", { require_display_name = true }, { "Ann <ann@example.com>" }, { "ann@example.com" } },
  { "isEmail", { allow_utf8_local_part = false }, { "a@exämple.de" }, { "ä@example.de" } },
  { "isEmail", { require_tld = false }, { "root@localhost" }, { "root@" } },
  { "isEmail", { allow_ip_domain = true }, { "a@[192.0.2.1]", "a@192.0.2.1" }, { "a@[192.0.2.256]" } },
  { "isEmail", { ignore_max_length = true }, { LONG .. "a@example.com" }, { "@example.com" } },
  { "isEmail", { host_blacklist = { "example.com" } }, { "a@example.org" }, { "a@example.com", "a@EXAMPLE.com" } },
  { "isEmail", { host_whitelist = { "example.com" } }, { "a@example.com" }, { "a@example.org" } },
  { "isEmail", { blacklisted_chars = "+#" }, { "a@example.com" }, { "a+b@example.com" } },
  { "isEmail", { domain_specific_validation = true }, { "some.body@gmail.com" }, { "short@gmail.com" } },
  { "isUrl", true, { "example.com", "http://example.com", "HTTPS://Example.com:8080/a?b=c#d",
    "http://user:pw@example.com", "ftp://192.0.2.1/", "http://[2001:db8::1]:80/x", "http://exämple.de",
    "http://xn--p1ai.xn--p1ai" }, { "example", "http://localhost", "mailto:a@example.com", "xyz://example.com",
    "http://example.com:0", "http://example.com:70000", "//example.com", "http://", "http://a b.com", "http://-a.com",
    "http://a_b.com", "javascript:alert(1)@example.com", "http://example.com/<script>", "http://@example.com",
    "http://a:b:c@example.com", "http://300.0.0.1", "" } },
  { "isURL", { protocols = { "rtmp" } }, { "rtmp://example.com" }, { "http://example.com" } },
  { "isURL", { require_protocol = true }, { "http://example.com" }, { "example.com" } },
  { "isURL", { require_tld = false }, { "http://localhost:3000" }, { "http://:3000" } },
  { "isURL", { require_host = false, protocols = { "file" } }, { "file:///a" }, { "file://" } },
  { "isURL", { require_port = true }, { "example.com:80" }, { "example.com" } },
  { "isURL", { disallow_auth = true }, { "http://example.com" }, { "http://a@example.com" } },
  { "isURL", { allow_fragments = false, allow_query_components = false }, { "example.com" },
    { "example.com#a", "example.com?a" } },
  { "isURL", { max_allowed_length = 12 }, { "example.com" }, { "example.com/abc" } },
  { "isIP", true, { "192.0.2.1", "::1", "fe80::1%eth0", "::ffff:192.0.2.1" },
    { "192.0.2", "192.0.2.256", "1::2::3", "12345::", "01.2.3.4" } },
  { "isIP", 4, { "192.0.2.1" }, { "::1" } },
  { "isIP", { version = 6 }, { "::1" }, { "192.0.2.1" } },
  { "isIPv4", true, { "0.0.0.0" }, { "::" } },
  { "isIPv6", true, { "::" }, { "0.0.0.0", "1111:2222:3333::5555:" } },
  { "isUUID", true, { "f47ac10b-58cc-4372-a567-0e02b2c3d479", "00000000-0000-0000-0000-000000000000" },
    { "f47ac10b58cc4372a5670e02b2c3d479", "f47ac10b-58cc-9372-a567-0e02b2c3d479",
    "f47ac10b-58cc-4372-0567-0e02b2c3d479", "x" } },
  { "isUUID", 4, { "f47ac10b-58cc-4372-a567-0e02b2c3d479" }, { "f47ac10b-58cc-3372-a567-0e02b2c3d479" } },
  { "isUUID", "loose", { "f47ac10b-58cc-9372-0567-0e02b2c3d479" }, { "f47ac10b" } },
  { "isCreditCard", true, { "4012888888881881", "3755-569179-85515" },
    { "401288888888188f", "4012888888881882", "12", "8012888888881887" } },
  { "isCreditCard", { provider = "Visa" }, { "4012888888881881" }, { "375556917985515" } },
  { "isAlpha", true, { "abC" }, { "ab1", "", "ä", "a b" } },
  { "isAlpha", "de-DE", { "Straße", "ÄÖÜ" }, { "é" } },
  { "isAlpha", { "fr-FR", { ignore = " -" } }, { "Marie-Hélène L" }, { "Marie_H" } },
  { "isAlpha", "ru-RU", { "Ёлка" }, { "Elka" } },
  { "isAlphanumeric", true, { "abc019" }, { "_abc", "a-1" } },
  { "isAlphanumeric", "ar", { "ب٣3" }, { "b" } },
  { "isLowercase", true, { "abc", "äé1" }, { "aB", "Ä" } },
  { "isUppercase", true, { "ABC", "ÄÉ1" }, { "Ab", "Aé", "Я я" } },
  { "isNumeric", true, { "019", "-1", "+1.5", ".5" }, { "1.", "1e3", "a", "1,5", "" } },
  { "isNumeric", { no_symbols = true }, { "12" }, { "-12", "1.2" } },
  { "isNumeric", { locale = "de-DE" }, { "1,5" }, { "1.5" } },
  { "isDecimal", true, { "0.2", "-3", "1e5", "1." }, { "a", "", ".", "0x10", " 1" } },
  { "isDecimal", { force_decimal = true, decimal_digits = "2" }, { "1.25" }, { "1", "1.2", "1.255" } },
  { "isDecimal", { decimal_digits = "1,3", locale = "fr-FR" }, { "1,5", "7" }, { "1.5", "1,5555" } },
  { "isInt", true, { "12", "-9", "+7", "007" }, { "9.2", "1e3", "", "a" } },
  { "isInt", { min = 3, lt = 6 }, { "3", "5" }, { "2", "6" } },
  { "isInt", { allow_leading_zeroes = false }, { "0", "10" }, { "010" } },
  { "isFloat", true, { "9.2", "1e-3", ".5", "4" }, { "a", "", "1e" } },
  { "isFloat", { gt = 1, max = 2 }, { "1.01", "2" }, { "1", "2.1" } },
  { "isFloat", { locale = "de-DE", max = 2 }, { "1,9" }, { "2,1", "1.9" } },
  { "min", 23, { "23", "23.5" }, { "22", "x", "0x20", " 24" } },
  { "max", 23, { "23", "-1" }, { "24", "x" } },
  { "len", { 2, 4 }, { "ab", "äöüß" }, { "a", "abcde" } },
  { "len", { min = 2 }, { "ab" }, { "a" } },
  { "len", { discreteLengths = { 2, 5 } }, { "ab", "abcde" }, { "abc" } },
  { "len", 2, { "ab" }, { "a" } },
  { "notEmpty", true, { "a" }, { " \t\n", "" } },
  { "isNull", true, { "" }, { "a", " " } },
  { "equals", "abc", { "abc" }, { "ab", "abcd" } },
  { "contains", "b.a", { "ab.ac" }, { "bla" } },
  { "notContains", "bla", { "la" }, { "0bla1" } },
  { "contains", { "ä", { ignoreCase = true } }, { "ÄB" }, { "AB" } },
  { "contains", { "a", { minOccurrences = 2 } }, { "abca" }, { "abc" } },
  { "is", "^%a+$", { "abc" }, { "ab1" } },
  { "not", "^%a+$", { "ab1" }, { "abc" } },
  { "regex", { "^[a-z]%d$", "i" }, { "a1", "A1" }, { "aa" } },
  { "notRegex", { "[a-z]", "i" }, { "0" }, { "A" } },
  { "is", { match = function(_, text) return text == "x" or nil end }, { "x" }, { "y" } },
  { "isIn", { { "a", "b" } }, { "a" }, { "c" } },
  { "notIn", { "a", "b" }, { "c" }, { "a" } },
  { "isIn", { 1, 2 }, { "1" }, { "3" } },
  { "isIn", "abcdefghijk", { "ghij" }, { "ghik" } },
  { "isIn", { a = 1, b = 2 }, { "b" }, { "1" } },
  { "isDate", true, { "2011-02-04", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00" },
    { "not a date", "2023-02-29", "02/04/2011" } },
  { "isAfter", "2011-11-05", { "2011-11-06", "2011-11-05T00:00:01Z" }, { "2011-11-05", "2011-11-04", "x" } },
  { "isBefore", { comparisonDate = "2011-11-05" }, { "2011-11-04" }, { "2011-11-05", "2011-11-06" } },
  { "isAfter", true, { "2999-01-01" }, { "2000-01-01" } },
}

local REFUSED = {
  { "isEmail", { allow_displayname = true }, 'no option "allow_displayname".*did you mean "allow_display_name"' },
  { "isEmail", { require_tld = "no" }, "wants true or false as require_tld" },
  { "isAlpha", "de-XX", '"de%-DE"; de%-XX is none' },
  { "isURL", { protocols = "http" }, "wants a list of texts as protocols" },
  { "isDecimal", { locale = "xx" }, "known locale" },
  { "isUUID", 9, "wants true, or a version: 1, 2" },
  { "isIP", 5, "version: 4, 6" },
  { "isCreditCard", { provider = "Plorf" }, "known provider" },
  { "isIPv4", 4, "wants true" },
  { "isLowercase", { a = 1 }, 'no option "a"' },
  { "len", "x", "least, most" },
  { "min", "x", "wants a number" },
  { "max", { 1, 2 }, "wants a number" },
  { "equals", { "a", "b" }, "wants one text" },
  { "contains", true, "wants a text" },
  { "isIn", {}, "wants a list of values" },
  { "is", "[a", "which this is not" },
  { "is", "^\\d+$", "%%d, not \\d" },
  { "is", { "a", "g" }, '"i"' },
  { "isAfter", "yesterday", "wants true or a date" },
  { "isInt", { min = "1" }, "wants a number as min" },
}

helper.each(function(dialect, connect)
  if dialect ~= "sqlite" then return end

  it("lets through what each of them is for, and nothing else", function()
    local db = connect()
    for i, example in ipairs(EXAMPLES) do
      local name, told, good, bad = example[1], example[2], example[3], example[4]
      for _, value in ipairs(good) do
        assert(passes(db, { [name] = told }, value), ("example %d: %s refuses %q"):format(i, name, value))
      end
      for _, value in ipairs(bad) do
        assert(not passes(db, { [name] = told }, value), ("example %d: %s takes %q"):format(i, name, value))
      end
    end
  end)

  it("takes the same arguments with a message of one's own", function()
    local db = connect()
    for _, example in ipairs(EXAMPLES) do
      local Model = db:define("Checked", { a = { type = D.TEXT, validate = {
        [example[1]] = { args = example[2], msg = "no!" },
      } } }, { timestamps = false })
      Model:build{ a = example[3][1] }:validate()
      local bad = Model:build{ a = example[4][1] }
      assert.equal("no!", helper.error_of(bad.validate, bad).errors[1].message)
    end
  end)

  it("refuses arguments that it cannot use when the model is defined", function()
    local db = connect()
    for _, case in ipairs(REFUSED) do
      local err = helper.error_of(db.define, db, "X", { a = { type = D.TEXT, validate = { [case[1]] = case[2] } } })
      assert.equal("DefinitionError", err.name)
      assert.matches("X%.a: validate: " .. case[1] .. " .*" .. case[3], err.message)
    end
  end)

  it("looks through a long text once, as types do", function()
    local db = connect()
    local digits, zeros = ("1"):rep(100000), ("0"):rep(100000)
    for _, name in ipairs{ "isFloat", "isDecimal", "isNumeric", "isInt", "isEmail", "isUrl", "isCreditCard" } do
      assert.is_false(passes(db, { [name] = true }, digits .. "!"))
    end
    for _, kind in ipairs{ D.INTEGER, D.BIGINT, D.FLOAT, D.DECIMAL, D.INTERVAL, D.DATE, D.UUID, D.INET } do
      for _, text in ipairs{ digits .. "!", zeros .. "!", "P" .. digits, "PT" .. digits .. "." } do assert.is_nil((kind.cast(text))) end
    end
  end)

  it("reads numbers, booleans and lists too", function()
    local Row = connect():define("Row", {
      n = { type = D.INTEGER, validate = { isInt = { max = 9 }, isIn = { { 1, 2, 12 } }, len = { 1, 1 } } },
      b = { type = D.BOOLEAN, validate = { equals = "true" } },
      list = { type = D.JSON, validate = { isArray = true, notEmpty = true, len = { 1, 2 } } },
    }, { timestamps = false })
    Row:build{ n = 1, b = true, list = { "x" } }:validate()
    local function failed(values)
      local row, names = Row:build(values), {}
      for i, item in ipairs(helper.error_of(row.validate, row).errors) do names[i] = item.validatorKey end
      table.sort(names)
      return table.concat(names, " ")
    end
    assert.equal("isInt len", failed{ n = 12 })
    assert.equal("isIn", failed{ n = 3 })
    assert.equal("equals", failed{ b = false })
    assert.equal("len notEmpty", failed{ list = rowan.array{} })
    assert.equal("isArray len", failed{ list = { a = 1 } })
    assert.equal("len", failed{ list = { 1, 2, 3 } })
  end)
end)
