// What policy costs: `./run bench policy`. For maps of several shapes and sizes: an add and a
// delete (microseconds, median and 99.9th percentile), a look-up by the rules alone and through a
// worker's flow cache (TSC cycles a packet, best of interleaved rounds). Every answer is checked.
// One thread.
#include <rte_cycles.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "flow_cache.h"
#include "policy.h"

#define FLOWS   10000u // at most that are looked up in turn
#define BURST   64u
#define ROUNDS  7u
#define PACKETS 65536u // of one measurement

// ---- shapes of crypto maps ---------------------------------------------------------------------

static struct dp_policy_rule blank(uint8_t family, uint32_t i)
{
	return (struct dp_policy_rule){
		.sequence = i + 1,
		.line = 10,
		.instance = UINT32_MAX,
		.permit = true,
		.local = {.addr = {.family = family}},
		.remote = {.addr = {.family = family}},
		.local_port_hi = UINT16_MAX,
		.remote_port_hi = UINT16_MAX,
		.tunnel = {i, 1},
	};
}

// Network number i: 10.x.y.z of /28, or 2001:db8:x:y::/64.
static struct ip_prefix network(uint8_t family, uint32_t i)
{
	struct ip_addr a = addr_v4(0x0a000000 | i << 4);

	if (family == 4)
		return prefix_make(&a, 28);
	a = (struct ip_addr){.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
	a.bytes[5] = (uint8_t)(i >> 16);
	a.bytes[6] = (uint8_t)(i >> 8);
	a.bytes[7] = (uint8_t)i;
	return prefix_make(&a, 64);
}

static struct ip_prefix one_network(uint8_t family)
{
	struct ip_addr a = addr_v4(0xc0a80000);

	if (family == 6)
		a = (struct ip_addr){.family = 6, .bytes = {0xfd}};
	return prefix_make(&a, 16);
}

static struct dp_policy_rule destinations(uint8_t family, uint32_t i)
{
	struct dp_policy_rule r = blank(family, i);

	r.local = one_network(family);
	r.remote = network(family, i);
	return r;
}

static struct dp_policy_rule one_destination(uint8_t family, uint32_t i)
{
	struct dp_policy_rule r = blank(family, i);

	r.local = network(family, i);
	r.remote = one_network(family);
	return r;
}

static struct dp_policy_rule any_destination(uint8_t family, uint32_t i)
{
	struct dp_policy_rule r = blank(family, i);

	r.local = network(family, i);
	return r;
}

// TCP from a port to a port, between the same two networks.
static struct dp_policy_rule ports(uint8_t family, uint32_t i)
{
	struct dp_policy_rule r = destinations(family, 0);

	r.sequence = i + 1;
	r.tunnel.index = i;
	r.proto = 6;
	r.local_port_lo = r.local_port_hi = (uint16_t)(i % 1000 + 1);
	r.remote_port_lo = r.remote_port_hi = (uint16_t)(i / 1000 + 1);
	return r;
}

// The longest come first; network 0 is in all of the first ones, and of 1,000 networks each has 24
// or 64 nested prefixes.
static struct dp_policy_rule nested(uint8_t family, uint32_t i)
{
	uint32_t depth = family == 4 ? 25 : 57, i_network = i / depth;
	struct dp_policy_rule r = destinations(family, i_network);
	uint8_t longest = family == 4 ? 28 : 64;

	r.remote = prefix_make(&r.remote.addr, (uint8_t)(longest - i % depth));
	r.sequence = i + 1;
	r.tunnel.index = i;
	return r;
}

// Every second one is a deny of the permit behind it, for one host.
static struct dp_policy_rule denies(uint8_t family, uint32_t i)
{
	struct dp_policy_rule r = destinations(family, i / 2);

	r.sequence = i / 2 + 1;
	r.tunnel.index = i;
	r.line = 10 + i % 2 * 10;
	r.permit = i % 2;
	if (!r.permit)
		r.remote.len = family == 4 ? 32 : 128;
	return r;
}

static const struct shape {
	const char *name;
	struct dp_policy_rule (*rule)(uint8_t family, uint32_t i);
} shapes[] = {
	{"distinct destinations", destinations},
	{"one destination", one_destination},
	{"destination any", any_destination},
	{"one pair, ports", ports},
	{"nested prefixes", nested},
	{"deny before permit", denies},
};

// ---- packets -----------------------------------------------------------------------------------

// The last host of a rule's networks.
static void last_host(const struct ip_prefix *p, uint8_t *out, unsigned size)
{
	memcpy(out, p->addr.bytes, size);
	out[size - 1] |= 1;
}

static void key_fill(const struct dp_policy_rule *r, struct policy_key *v4, struct policy_key6 *v6)
{
	bool has_ports = r->local_port_lo > 0;

	if (r->local.addr.family == 4) {
		*v4 = (struct policy_key){.proto = 6, .ports = POLICY_PORTS_KNOWN};
		last_host(&r->local, (uint8_t *)&v4->local, 4);
		last_host(&r->remote, (uint8_t *)&v4->remote, 4);
		v4->local_port = has_ports ? r->local_port_lo : 1000;
		v4->remote_port = has_ports ? r->remote_port_lo : 80;
		return;
	}
	*v6 = (struct policy_key6){.proto = 6, .ports = POLICY_PORTS_KNOWN};
	last_host(&r->local, v6->local, 16);
	last_host(&r->remote, v6->remote, 16);
	v6->local_port = has_ports ? r->local_port_lo : 1000;
	v6->remote_port = has_ports ? r->remote_port_lo : 80;
}

// ---- measuring ---------------------------------------------------------------------------------

static struct policy *policy;
static struct flow_cache *cache;
static struct policy_key keys[PACKETS];
static struct policy_key6 keys6[PACKETS];
static uint32_t wrong;
static double tsc_us;

static uint32_t random_below(uint32_t below)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)((x >> 11) % below);
}

// Packets of at most FLOWS rules, in random order.
static void packets_make(const struct shape *s, uint8_t family, uint32_t rules)
{
	uint32_t flows = rules < FLOWS ? rules : FLOWS;

	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t rule = (uint32_t)((uint64_t)random_below(flows) * rules / flows);
		struct dp_policy_rule r = s->rule(family, rule);

		key_fill(&r, &keys[i], &keys6[i]);
	}
}

static double through_cache(uint8_t family)
{
	struct policy_answer answers[BURST];
	uint64_t start = rte_rdtsc();

	for (uint32_t i = 0; i < PACKETS; i += BURST) {
		if (family == 4)
			policy_find_burst(policy, cache, keys + i, BURST, answers);
		else
			policy_find6_burst(policy, cache, keys6 + i, BURST, answers);
		wrong += answers[i / BURST % BURST].verdict == POLICY_CHANGING;
	}
	return (double)(rte_rdtsc() - start) / PACKETS;
}

static double by_rules(uint8_t family)
{
	uint64_t start = rte_rdtsc();

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct policy_answer a = family == 4 ? policy_find(policy, &keys[i])
		                                     : policy_find6(policy, &keys6[i]);

		wrong += a.verdict == POLICY_CHANGING;
	}
	return (double)(rte_rdtsc() - start) / PACKETS;
}

// Both ways agree, and a permit's own packet is protected where nothing comes before it.
static void check(uint8_t family)
{
	for (uint32_t i = 0; i < PACKETS; i += BURST) {
		struct policy_answer answers[BURST];

		if (family == 4)
			policy_find_burst(policy, cache, keys + i, BURST, answers);
		else
			policy_find6_burst(policy, cache, keys6 + i, BURST, answers);
		for (uint32_t j = 0; j < BURST; j++) {
			struct policy_answer a = family == 4 ? policy_find(policy, &keys[i + j])
			                                     : policy_find6(policy, &keys6[i + j]);

			wrong += a.verdict != answers[j].verdict ||
			         !handle_equal(a.tunnel, answers[j].tunnel) ||
			         a.verdict != POLICY_PROTECT;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct cost {
	double middle, high, total; // microseconds; total of all: seconds
};

static struct cost cost_of(uint64_t *cycles, uint32_t n)
{
	struct cost c = {0};

	for (uint32_t i = 0; i < n; i++)
		c.total += (double)cycles[i] / tsc_us / 1e6;
	qsort(cycles, n, sizeof(cycles[0]), by_value);
	c.middle = (double)cycles[n / 2] / tsc_us;
	c.high = (double)cycles[(uint64_t)n * 999 / 1000] / tsc_us;
	return c;
}

static struct cost add_all(const struct shape *s, uint8_t family, uint32_t n,
                           struct handle *handles, uint64_t *cycles)
{
	for (uint32_t i = 0; i < n; i++) {
		struct dp_policy_rule r = s->rule(family, i);
		uint64_t start = rte_rdtsc();
		int err = policy_add(policy, &r, &handles[i]);

		cycles[i] = rte_rdtsc() - start;
		if (err) {
			fprintf(stderr, "policy_bench: rule %u: %s\n", i, strerror(-err));
			exit(1);
		}
	}
	return cost_of(cycles, n);
}

// In random order.
static struct cost del_all(uint32_t n, struct handle *handles, uint64_t *cycles)
{
	for (uint32_t i = n; i > 0; i--) {
		uint32_t j = random_below(i);
		struct handle h = handles[j];
		uint64_t start;

		handles[j] = handles[i - 1];
		start = rte_rdtsc();
		policy_del(policy, h);
		cycles[i - 1] = rte_rdtsc() - start;
	}
	return cost_of(cycles, n);
}

static void measure(const struct shape *s, uint8_t family, uint32_t n, struct rte_rcu_qsbr *qsbr)
{
	struct handle *handles = calloc(n, sizeof(*handles));
	uint64_t *cycles = calloc(n, sizeof(*cycles));
	double cached = 1e9, plain = 1e9;
	struct cost add, del;

	policy = policy_create(2, n + 1024, qsbr);
	cache = flow_cache_create(n, 0);
	if (!handles || !cycles || !policy || !cache) {
		fprintf(stderr, "policy_bench: no memory\n");
		exit(1);
	}
	add = add_all(s, family, n, handles, cycles);
	packets_make(s, family, n);
	if (s->rule != denies)
		check(family);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double a = through_cache(family), b = by_rules(family);

		cached = a < cached ? a : cached;
		plain = b < plain ? b : plain;
	}
	del = del_all(n, handles, cycles);
	printf("%-22s IPv%u %7u  %6.2f %7.2f  %6.2f %7.2f  %6.2f %7.0f %7.1f\n", s->name, family, n,
	       add.middle, add.high, del.middle, del.high, add.total + del.total, plain, cached);
	fflush(stdout);
	policy_destroy(policy);
	flow_cache_destroy(cache);
	free(handles);
	free(cycles);
}

// ---- start -------------------------------------------------------------------------------------

// Huge pages where some are free: a worker has them as well.
static int start_eal(void)
{
	char *huge[] = {"policy_bench", "--in-memory",    "--no-pci",    "-m", "96",
	                "--lcores=0@0", "--no-telemetry", "--log-level", "1",  NULL};
	char *plain[] = {"policy_bench", "--no-huge",      "--no-shconf", "--no-pci", "-m", "256",
	                 "--lcores=0@0", "--no-telemetry", "--log-level", "1",        NULL};
	char line[128];
	unsigned long pages = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %lu", &pages) == 1)
			break;
	if (f)
		fclose(f);
	printf("%s pages\n", pages >= 64 ? "huge" : "small");
	return pages >= 64 ? rte_eal_init(9, huge) : rte_eal_init(10, plain);
}

static struct rte_rcu_qsbr *qsbr_make(void)
{
	struct rte_rcu_qsbr *q = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(1) + 63) / 64 * 64);

	return q && rte_rcu_qsbr_init(q, 1) == 0 ? q : NULL;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 1000, 100000};
	struct rte_rcu_qsbr *qsbr;

	if (argc > 1) {
		fprintf(stderr, "usage: %s: it takes no arguments\n", argv[0]);
		return 2;
	}
	if (start_eal() < 0) {
		fprintf(stderr, "policy_bench: DPDK cannot be started\n");
		return 1;
	}
	qsbr = qsbr_make();
	if (!qsbr)
		return 1;
	tsc_us = (double)rte_get_tsc_hz() / 1e6;
	printf("%-22s %4s %7s  %6s %7s  %6s %7s  %6s %7s %7s\n", "", "", "rules", "add us", "p99.9",
	       "del us", "p99.9", "all s", "rules", "cache");
	for (unsigned s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
		for (unsigned i = 0; i < 3; i++)
			for (uint8_t family = 4; family <= 6; family += 2)
				measure(&shapes[s], family, sizes[i], qsbr);
	free(qsbr);
	rte_eal_cleanup();
	if (wrong)
		fprintf(stderr, "policy_bench: %u wrong answers\n", wrong);
	return wrong ? 1 : 0;
}
