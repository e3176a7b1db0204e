# A stuffing attack hidden in customers' traffic: a login log of a broker's portal in NDJSON, the same bytes on every
# machine. Not in order of time; tools/demo sorts it. Each line has the truth in front, which Stockade never sees:
#
#   MILLISECONDS TAB TRUTH TAB {"@timestamp":…}      truth: customer | owner | one-address | network | proxies
#
#   awk -f attack.awk | sort -t "$(printf '\t')" -k 1,1n -s
#
# Monday to Thursday: 2,500 customers log in once a day from where they always are; one login in ten fails at first;
# 60 of them share the address of an office. Friday, 09:00 to 10:00, at market open, beside the customers:
#   one-address   203.0.113.66 tries a list of 3,000 leaked pairs, one in 250 of them right
#   network       80 addresses of 192.0.2.0/24 try 2,400 pairs between them, each slowly
#   proxies       40 customers' accounts are guessed at, 20 wrong passwords each, from as many networks
# and "owner" is a customer of those 40 who logs in while his account is being guessed at.

# Park-Miller: exact in doubles, so that every awk gives the same numbers.
function random(n) { seed = (seed * 16807) % 2147483647; return seed % n }

function stamp(ms, day, left) {
  day = int(ms / 86400000); left = ms % 86400000
  return sprintf("2026-01-%02dT%02d:%02d:%02d.%03dZ", 5 + day, int(left / 3600000), int(left / 60000) % 60,
                 int(left / 1000) % 60, left % 1000)
}

function login(ms, truth, address, account, reason, device, agent, outcome) {
  outcome = reason == "success" ? "success" : "failure"
  printf "%d\t%s\t{\"@timestamp\":\"%s\",\"source\":{\"ip\":\"%s\"},\"user\":{\"name\":\"%s\"}," \
         "\"event\":{\"outcome\":\"%s\"%s},\"user_agent\":{\"original\":\"%s\"}%s}\n",
         ms, truth, stamp(ms), address, account, outcome,
         outcome == "failure" ? ",\"reason\":\"" reason "\"" : "", agent,
         device == "" ? "" : ",\"login\":{\"device\":\"" device "\"}"
}

# Where a customer is at home: an office's one address, a /24 shared with a few others, or a /48 of his own.
function home(i) {
  if (i < 60) return "198.51.100.7"
  if (i % 2) return sprintf("198.18.%d.%d", i % 250, 1 + int(i / 250) * 20)
  return sprintf("2001:db8:%x::%x", i, 16 + i % 7)
}

# One customer's login, mistyped at first one time in ten.
function arrive(ms, truth, i) {
  if (random(10) == 0) {
    login(ms, truth, home(i), "customer" i, "bad_password", "d" i, browser[i % 3])
    ms += 8000 + random(20000)
  }
  login(ms, truth, home(i), "customer" i, "success", "d" i, browser[i % 3])
}

# One pair of a leaked list: half of its names are customers here, and of those one password in 125 is still right.
function try(ms, truth, address, i) {
  i = random(customers * 2)
  login(ms, truth, address, "customer" i, i < customers && random(125) == 0 ? "success" : "bad_password", "", browser[0])
}

BEGIN {
  seed = 20260105
  browser[0] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0"
  browser[1] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Safari/604.1"
  browser[2] = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0"
  customers = 2500
  hour = 3600000; friday = 4 * 24 * hour

  # Four days from 08:00 to 16:00; on Friday most come at market open.
  for (day = 0; day < 4; day++)
    for (i = 0; i < customers; i++) arrive(day * 24 * hour + 8 * hour + random(8 * hour), "customer", i)
  for (i = 0; i < customers; i++)
    if (i < 100 || i >= 140) arrive(friday + 8 * hour + 1800000 + random(2 * hour), "customer", i)

  start = friday + 9 * hour
  for (n = 0; n < 3000; n++)
    try(start + n * 1200 + random(1000), "one-address", "203.0.113.66")
  for (n = 0; n < 2400; n++)
    try(start + n * 1500 + random(1400), "network", "192.0.2." 10 + random(80))
  for (i = 100; i < 140; i++) {
    for (n = 0; n < 20; n++)
      login(start + n * 170000 + random(160000), "proxies", sprintf("2001:db8:f%03x:%x::1", random(4096), i),
            "customer" i, "bad_password", "", browser[0])
    arrive(start + 1800000 + random(1200000), "owner", i)
  }
}
