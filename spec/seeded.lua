-- Random numbers that are the same on every runtime and in every run (Park and Miller's generator), for specs
-- that generate their cases.

---@param seed integer 1 .. 2147483646
---@return table random with integer(low, high), pick(list), chance(p), bytes(n), double(), shuffle(list)
return function(seed)
  local state = seed
  local random = {}

  local function next_state()
    state = state * 16807 % 2147483647
    return state
  end

  --- A whole number from `low` to `high`.
  function random.integer(low, high)
    return low + math.floor(next_state() / 2147483647 * (high - low + 1))
  end

  --- One of the items of a list.
  function random.pick(list)
    return list[random.integer(1, #list)]
  end

  --- True in `p` of all cases.
  function random.chance(p)
    return next_state() / 2147483647 < p
  end

  --- `n` bytes.
  function random.bytes(n)
    local out = {}
    for i = 1, n do out[i] = string.char(random.integer(0, 255)) end
    return table.concat(out)
  end

  --- A finite double of any magnitude, the denormal ones among them: 53 random bits and a random exponent.
  function random.double()
    local mantissa = random.integer(0, 2 ^ 26 - 1) * 2.0 ^ 26 + random.integer(0, 2 ^ 26 - 1)
    local exponent = random.integer(-1074, 970)
    local value = mantissa
    -- In two steps: 2^-1074 times a large mantissa must not pass through zero.
    value = value * 2.0 ^ math.floor(exponent / 2) * 2.0 ^ (exponent - math.floor(exponent / 2))
    return random.chance(0.5) and value or -value
  end

  --- The same items in another order, as a new list.
  function random.shuffle(list)
    local out = {}
    for i = 1, #list do out[i] = list[i] end
    for i = #out, 2, -1 do
      local j = random.integer(1, i)
      out[i], out[j] = out[j], out[i]
    end
    return out
  end

  return random
end
