-- The built-in validators by themselves: what each takes and what it refuses.
local null = require "rowan.base.null"
local validators = require "rowan.change.validators"

local NEW = { isNewRecord = true }

-- validator, what was said of it, values that pass, values that do not
local TABLE = {
  { "isEmail", true,
    { "a@example.com", "first.last+tag@mail.example.co.uk", "o'neil@example.org", "x@1.example.com" },
    { "", "plain", "a@b", "@example.com", "a@", "a@@example.com", "a b@example.com", ".a@example.com", "a.@example.com",
      "a..b@example.com", "a@-example.com", "a@example", "a@example.c", "a@exam ple.com", 12, true, {} } },
  { "isUrl", true,
    { "http://example.com", "https://example.com:8080/a?b=c#d", "example.com", "ftp://user:pw@example.org/x",
      "http://192.0.2.1/", "http://[2001:db8::1]:80/", "HTTPS://Example.COM/%20" },
    { "", "http://", "http://localhost", "http:/example.com", "javascript:alert(1)", "mailto:a@example.com",
      "http://exa mple.com", "http://example.com:99999", "http://example.com:0", "gopher://example.com", "//", "http://a b" } },
  { "isIP", true, { "192.0.2.1", "::1", "fe80::1%eth0", "2001:db8::192.0.2.1" },
    { "", "256.1.1.1", "1.2.3", "01.2.3.4", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9" } },
  { "isIP", 4, { "0.0.0.0" }, { "::1" } },
  { "isIPv4", true, { "255.255.255.255" }, { "1.2.3.4.5", "::1" } },
  { "isIPv6", true, { "::", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1" }, { "1.2.3.4", "1:2:3:4:5:6:7", "g::" } },
  { "isAlpha", true, { "abcXYZ" }, { "", "abc1", "a b", "\195\164" } },
  { "isAlphanumeric", true, { "abc1" }, { "", "a_b", "a b" } },
  { "isNumeric", true, { "12", "-12", "+1.5", ".5", 12, 1.5 }, { "", "1.", "1e3", "a", "1,5" } },
  { "isDecimal", true, { "12", "1.5", ".5", "1e3", "-1.5E-3", 3 }, { "", "e3", ".", "1.2.3", "0x10" } },
  { "isInt", true, { "12", "-3", 7, "007" }, { "", "1.5", 1.5, "a", "0x10" } },
  { "isInt", { min = 2, max = 4 }, { 2, "4" }, { 1, 5 } },
  { "isFloat", { gt = 0, lt = 1 }, { 0.5, "0.25" }, { 0, 1, "x" } },
  { "isLowercase", true, { "abc1" }, { "Abc" } },
  { "isUppercase", true, { "ABC1" }, { "Abc" } },
  { "isNull", true, { "" }, { "a", 0 } },
  { "isDate", true, { "2024-02-29", "2024-02-01T10:00:00Z", "2024-02-01 10:00:00", 0 }, { "2023-02-29", "soon", "" } },
  { "isAfter", "2024-01-01", { "2024-01-02", "2024-01-01T00:00:01Z" }, { "2024-01-01", "2023-12-31", "x" } },
  { "isBefore", "2024-01-01", { "2023-12-31" }, { "2024-01-01", "2024-02-01", "x" } },
  { "isUUID", 4, { "7fa7a9c2-3b3f-4b52-9a0f-6d9f0b8b2c11" }, { "7fa7a9c2-3b3f-1b52-9a0f-6d9f0b8b2c11", "x", "" } },
  { "isUUID", true, { "7fa7a9c2-3b3f-1b52-9a0f-6d9f0b8b2c11" }, { "7fa7a9c23b3f1b529a0f6d9f0b8b2c11" } },
  { "isCreditCard", true, { "4111 1111 1111 1111", "5555555555554444" }, { "4111111111111112", "1", "", "4111-x" } },
  { "isArray", true, { { 1 }, {} }, { "a", { a = 1 } } },
  { "isIn", { "a", "b" }, { "a" }, { "c", "", { "a" } } },
  { "isIn", { { 1, 2 } }, { 1, "2" }, { 3 } },
  { "notIn", { { "a" } }, { "b" }, { "a" } },
  { "is", "^[a-z]+$", { "abc" }, { "Abc", "" } },
  { "regex", { "^%d+$" }, { "12" }, { "x" } },
  { "not", "[0-9]", { "abc" }, { "a1" } },
  { "notRegex", "^a", { "b" }, { "a" } },
  { "is", { match = function(_, text) return text == "x" or nil end }, { "x" }, { "y" } },
  { "notEmpty", true, { "a", " a " }, { "", " \n\t" } },
  { "equals", "x", { "x" }, { "y" } },
  { "contains", "a.b", { "xa.by" }, { "axb" } },
  { "notContains", "foo", { "bar" }, { "food" } },
  { "len", { 2, 3 }, { "ab", "\195\164\195\182\195\188" }, { "a", "abcd" } },
  { "len", { 2 }, { "abcdef" }, { "a" } },
  { "max", 5, { 5, "4.5", -1 }, { 6, "x" } },
  { "min", 5, { 5, "6" }, { 4, "x" } },
}

local function shown(value)
  return type(value) == "table" and "a table" or ("%q"):format(tostring(value))
end

describe("the built-in validator", function()
  for number, case in ipairs(TABLE) do
    local name, given, good, bad = case[1], case[2], case[3], case[4]
    it(("%s tells good values from bad ones (%d)"):format(name, number), function()
      local args, problem = validators.arguments(name, given)
      assert(args, problem)
      for _, value in ipairs(good) do
        assert(validators.passes(name, value, args, NEW, {}), name .. " refuses " .. shown(value))
      end
      for _, value in ipairs(bad) do
        assert(not validators.passes(name, value, args, NEW, {}), name .. " takes " .. shown(value))
      end
    end)
  end

  it("refuses arguments that it cannot use", function()
    local wrong = {
      { "isEmail", "yes" }, { "len", "x" }, { "len", { 1, "x" } }, { "max", true }, { "isIn", {} }, { "is", "[" },
      { "is", true }, { "isAfter", "soon" }, { "isInt", { mni = 1 } }, { "contains", null }, { "isUUID", 9 }, { "isUUID", { versoin = 4 } },
    }
    for _, case in ipairs(wrong) do
      local args, problem = validators.arguments(case[1], case[2])
      assert(args == nil and type(problem) == "string", case[1] .. " took it")
    end
  end)
end)
