-- Logins for wrk: 19,997 customers, each with an address of his own in 198.18.0.0/15 (said in X-Forwarded-For, as a load
-- balancer does), one in ten mistyping. The number is a prime, so that in every turn it is others who mistype. All
-- requests are made beforehand: while the clock runs wrk only takes the next one.
local customers = 19997
local right, wrong = {}, {}
local turn = 0

local function login(i, password, wanted)
  return wrk.format("POST", "/login", {
    ["Content-Type"] = "application/x-www-form-urlencoded",
    ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    ["X-Forwarded-For"] = string.format("198.%d.%d.%d", 18 + math.floor(i / 65536), math.floor(i / 256) % 256, i % 256),
    ["Cookie"] = "device=d" .. i,
    ["X-Wanted"] = wanted,
  }, string.format("account=customer%d&password=%s%d", i, password, i))
end

function init()
  for i = 1, customers do
    right[i] = login(i, "right", "success")
    wrong[i] = login(i, "wrong", "failure")
  end
end

function request()
  turn = turn + 1
  local i = turn % customers + 1
  if turn % 10 == 0 then return wrong[i] end
  return right[i]
end
