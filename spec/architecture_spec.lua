-- Holds the tree against docs/layers.lua and the house rules. The checks are in spec/architecture.lua.
local lfs = require "lfs"
local check = require "spec.architecture"

local layers = dofile "docs/layers.lua"
local lua_allowed, c_allowed = check.allowed(layers.lua), check.allowed(layers.c)

-- Every file below a folder whose name ends so: { path =, dir = directory below the root, text = }.
local function files(root, endings)
  local out = {}
  local function walk(folder, dir)
    for name in lfs.dir(folder) do
      local path = folder .. "/" .. name
      local mode = lfs.attributes(path, "mode")
      if mode == "directory" and name:sub(1, 1) ~= "." then
        walk(path, dir == "." and name or dir)
      elseif mode == "file" and endings[name:match("%.(%w+)$") or ""] then
        local file = assert(io.open(path, "rb"))
        out[#out + 1] = { path = path, dir = dir, text = file:read("*a") }
        file:close()
      end
    end
  end
  walk(root, ".")
  table.sort(out, function(a, b) return a.path < b.path end)
  return out
end

local lua_files = files("lua/rowan", { lua = true })
local c_files = files("csrc", { c = true, h = true })

-- Fails with every complaint of every file.
local function none(list, complaints_of)
  local found = {}
  for _, file in ipairs(list) do
    for _, complaint in ipairs(complaints_of(file)) do found[#found + 1] = file.path .. ": " .. complaint end
  end
  if #found > 0 then error(table.concat(found, "\n"), 0) end
end

describe("the architecture", function()
  it("is looked at where it is", function()
    assert.is_true(#lua_files > 0)
    assert.is_true(#c_files > 0)
  end)

  it("has layers that only use what is below them", function()
    assert.same({}, check.upward(layers.lua))
    assert.same({}, check.upward(layers.c))
  end)

  it("requires downwards only, and the core from driver/ alone", function()
    none(lua_files, function(file) return check.requires(file.text, file.dir, lua_allowed) end)
  end)

  it("includes downwards only, and foreign headers in their homes", function()
    none(c_files, function(file) return check.includes(file.text, file.dir, c_allowed, layers.headers) end)
  end)

  it("makes SQL text in sql/ and dialect/ alone", function()
    none(lua_files, function(file)
      if file.dir == "sql" or file.dir == "dialect" then return {} end
      return check.sql_in_lua(file.text)
    end)
  end)

  it("speaks to databases from csrc/driver alone", function()
    none(c_files, function(file)
      if file.dir == "driver" then return {} end
      return check.sql_in_c(file.text)
    end)
  end)

  it("keeps files to a size that can be read", function()
    none(lua_files, function(file) return check.size(file.text, "lua") end)
    none(c_files, function(file) return check.size(file.text, "c") end)
  end)

  it("says in the first line of a file what it is", function()
    none(lua_files, function(file) return check.headless(file.text, "lua") end)
    none(c_files, function(file) return check.headless(file.text, "c") end)
  end)

  it("documents every exported function", function()
    none(lua_files, function(file) return check.undocumented(file.text) end)
  end)
end)

describe("the checks of the architecture", function()
  local allowed = check.allowed {
    { dir = "base", uses = {} },
    { dir = "driver", uses = { "base" } },
    { dir = ".", uses = { "base", "driver" } },
  }

  it("see a layer that is listed before it is there", function()
    assert.equal(1, #check.upward { { dir = "a", uses = { "b" } }, { dir = "b", uses = {} } })
  end)

  it("see a wrong require in each of its spellings", function()
    local function count(text, dir) return #check.requires(text, dir, allowed) end
    assert.equal(1, count('local d = require "rowan.driver"', "base"))
    assert.equal(1, count("local d = require('rowan.driver.config')", "base"))
    assert.equal(1, count("local d = require[[rowan.driver]]", "base"))
    assert.equal(1, count('local ok, d = pcall(require, "rowan.driver")', "base"))
    assert.equal(1, count('local d = require "rowan.database"', "driver"))
    assert.equal(1, count('local d = require("rowan." .. name)', "driver"))
    assert.equal(1, count('local d = require("rowan.driver." .. name)', "base"))
    assert.equal(1, count('local e = require "rowan.base.errors"', "nowhere"))
    assert.equal(1, count("local d = require(name)", "driver"))
    assert.equal(1, count('local c = require "rowan.core"', "base"))
    assert.equal(1, count('local s = require "socket"', "driver"))
  end)

  it("let right requires and comments pass", function()
    local function count(text, dir) return #check.requires(text, dir, allowed) end
    assert.equal(0, count('local e = require "rowan.base.errors"', "driver"))
    assert.equal(0, count('local c = require "rowan.core"', "driver"))
    assert.equal(0, count('local d = require "rowan.database"', "."))
    assert.equal(0, count('local d = require("rowan.driver." .. name)', "driver"))
    assert.equal(0, count('local n = require("cjson").null', "base"))
    assert.equal(0, count('-- require "rowan.driver"\n--[[ require(x) ]] local s = "require(x)"', "base"))
  end)

  it("see a wrong include and a foreign header abroad", function()
    local rules = check.allowed { { dir = "base", uses = {} }, { dir = "lua", uses = { "base" } } }
    local function count(text, dir) return #check.includes(text, dir, rules, { ["lua.h"] = "lua" }) end
    assert.equal(1, count('#include "lua/binding.h"', "base"))
    assert.equal(1, count('#include "buf.h"', "base"))
    assert.equal(1, count("#include <lua.h>", "base"))
    assert.equal(1, count("#  include <lua5.4/lua.h>", "base"))
    assert.equal(0, count('#include "base/buf.h"\n#include <lua.h>\n#include <stdio.h>', "lua"))
  end)

  it("see SQL in strings and not elsewhere", function()
    local function count(text) return #check.sql_in_lua(text) end
    assert.equal(1, count('db:query("SELECT 1")'))
    assert.equal(1, count("local s = [[\n  INSERT INTO x]]"))
    assert.equal(1, count('local s = "SELECT" .. list'))
    assert.equal(1, count('run("BEGIN")'))
    assert.equal(1, count("run('WITH x AS (')"))
    assert.equal(1, count('run("(SELECT max(a) FROM b)")'))
    assert.equal(1, count('run("select a from b ")'))
    assert.equal(1, count('run("PRAGMA foreign_keys")'))
    assert.equal(0, count('-- SELECT 1\nlocal kind = "SELECT" --[[ DROP TABLE x ]]'))
    assert.equal(0, count('error("update needs a where")'))
    assert.equal(0, count('local s = "SELECTED" .. "DROPPED"'))
    assert.equal(0, count('local rules = { "SET NULL", "CASCADE" }'))
    assert.equal(1, count('local s = "SET x = 1"'))
    assert.equal(1, #check.sql_in_c('run(c, "ROLLBACK TO x");'))
    assert.equal(0, #check.sql_in_c('/* "SELECT 1" */ f("never selects");'))
  end)

  it("see long files, missing headers and missing documentation", function()
    assert.equal(0, #check.size(("\n"):rep(400), "lua"))
    assert.equal(1, #check.size(("\n"):rep(401), "lua"))
    assert.equal(1, #check.size(("\n"):rep(701), "c"))
    assert.equal(1, #check.headless("#include <x.h>\n", "c"))
    assert.equal(1, #check.headless("local M = {}\n", "lua"))
    local head = "-- x\nlocal M = {}\n"
    assert.equal(1, #check.undocumented(head .. "function M.f() end\n\nreturn M\n"))
    assert.equal(1, #check.undocumented(head .. "-- not this kind\nfunction M:f() end\nreturn M\n"))
    assert.equal(1, #check.undocumented(head .. "M.f = function() end\nreturn M\n"))
    assert.equal(0, #check.undocumented(head .. "--- Says.\nfunction M.f() end\nreturn M\n"))
    assert.equal(0, #check.undocumented(head .. "function M._g() end\nfunction M.a.b() end\nreturn M\n"))
    assert.equal(0, #check.undocumented(head .. "---@return nil\nfunction M.f() end\n\nreturn M"))
  end)
end)
