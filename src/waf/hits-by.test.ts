import assert from "node:assert/strict";
import { test } from "node:test";
import { falsePositiveCandidates } from "./false-positives.ts";
import { hitsBy, type StoredWafHit } from "./hits-by.ts";

function hit(
  address: string | null,
  rules: string,
  path: string,
  more = "",
  site: string | null = "alice.example",
): StoredWafHit {
  return {
    atUnixMs: 1000,
    address,
    site,
    detail: `rules=${rules} severity=critical stopped=1 ${more.replace(/(score=\d+ )?(.*)/, "$1method=GET $2")}id=awLjDsRtYD path=${path}`,
  };
}

test("hitsBy() adds up by rule, site and address", () => {
  const hits: StoredWafHit[] = [
    hit("192.0.2.1", "942100,941100", "/a", "score=10 "),
    { ...hit("192.0.2.1", "942100", "/b", "score=5 "), atUnixMs: 5000 },
    hit("192.0.2.2", "942100", "/a", "", "bob.example"),
    { atUnixMs: 1, address: null, site: null, detail: "of another form" },
    hit(null, "920350", "/a", "", null),
  ];
  assert.deepEqual(
    hitsBy(hits, "rule").map(({ key, hits: count }) => [key, count]),
    [
      ["942100", 3],
      ["920350", 1],
      ["941100", 1],
    ],
  );
  assert.deepEqual(hitsBy(hits, "site")[0], {
    key: "alice.example",
    hits: 2,
    stopped: 2,
    rules: 2,
    sites: 1,
    addresses: 1,
    severity: "critical",
    highestScore: 10,
    firstUnixMs: 1000,
    lastUnixMs: 5000,
  });
  assert.deepEqual(
    hitsBy(hits, "address").map(({ key, sites }) => [key, sites]),
    [
      ["192.0.2.1", 1],
      ["-", 0],
      ["192.0.2.2", 1],
    ],
  );
  assert.deepEqual(hitsBy([], "rule"), []);
});

const visitors = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
const ordinary = visitors.map((address) => hit(address, "942100", "/search.php", "var=ARGS:q "));
const nobody = { hasLoggedIn: () => false };

test("falsePositiveCandidates() finds one rule at one URL that many behaving addresses hit", () => {
  const [candidate, ...others] = falsePositiveCandidates(ordinary, {
    hasLoggedIn: (address) => address === "192.0.2.1",
  });
  assert.deepEqual(others, []);
  assert.equal(candidate?.confidence, "likely");
  assert.equal(candidate?.matchedVar, "ARGS:q");
  assert.equal(
    candidate?.reason,
    "Rule 942100 was hit 5 times at alice.example/search.php by 5 addresses (5 requests stopped): 5 of these do nothing elsewhere that a rule minds, 1 of them have logged in",
  );
  assert.match(
    candidate?.suggestion ?? "",
    /^SecRule REQUEST_FILENAME "@streq \/search\.php" "id:\d{5},phase:1,t:none,nolog,pass,ctl:ruleRemoveTargetById=942100;ARGS:q"\n$/,
  );
});

test("falsePositiveCandidates() says that addresses without a login may be one attacker", () => {
  const [candidate] = falsePositiveCandidates(ordinary, nobody);
  assert.equal(candidate?.confidence, "possible");
  assert.match(
    candidate?.reason ?? "",
    /none of them has logged in, so it may also be one attacker with many addresses$/,
  );
});

test("falsePositiveCandidates() leaves out attackers: few addresses, other rules, other URLs", () => {
  assert.deepEqual(falsePositiveCandidates(ordinary.slice(1), nobody), []);
  assert.deepEqual(falsePositiveCandidates(Array(50).fill(ordinary[0]!), nobody), []);
  const scanner = visitors.flatMap((address) => ["/a", "/b"].map((path) => hit(address, "942100", path)));
  assert.deepEqual(falsePositiveCandidates(scanner, nobody), []);
});

test("falsePositiveCandidates() takes several rules of the same request for one deed", () => {
  const several = visitors.map((address) => hit(address, "942100,941100", "/search.php"));
  assert.deepEqual(
    falsePositiveCandidates(several, nobody).map(({ ruleId, behaving }) => [ruleId, behaving]),
    [
      ["942100", 5],
      ["941100", 5],
    ],
  );
});

test("falsePositiveCandidates() counts an address that logged in as behaving, whatever else it hit", () => {
  const more = visitors.map((address) => hit(address, "920350", "/other.php"));
  const found = falsePositiveCandidates([...ordinary, ...more], { hasLoggedIn: () => true });
  assert.deepEqual(
    found.map(({ ruleId }) => ruleId),
    ["942100", "920350"],
  );
});

test("falsePositiveCandidates() writes no configuration from a path or variable that is not plain", () => {
  const suggestionFor = (path: string, more = ""): string | null | undefined =>
    falsePositiveCandidates(
      visitors.map((address) => hit(address, "942100", path, more)),
      nobody,
    )[0]?.suggestion;
  assert.equal(suggestionFor('/x">%0ASecRuleEngine'), null);
  assert.equal(
    suggestionFor("/a.php", "var=ARGS:x;y "),
    '<LocationMatch "^/a\\.php$">\n    SecRuleRemoveById 942100\n</LocationMatch>\n',
  );
});
