// The route table. [C] Keeps for every prefix what the configuration and what the interfaces say,
// and installs the better one in rte_lpm, which reclaims its groups by the workers' quiescent
// states. rte_lpm never sees 0.0.0.0/0; that is one word beside it.
#include "route.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <stdlib.h>

#include "addr.h"

#define LPM_RULES  65536
#define LPM_GROUPS 4096
#define BUCKETS    4096u

enum route_source { SOURCE_IFACE, SOURCE_STATIC, SOURCES }; // best first

struct route {
	struct route *next;
	uint32_t addr; // host order
	uint8_t len;
	uint16_t hop[SOURCES]; // ROUTE_NONE = this source has none
	uint16_t installed;
};

struct hop_use {
	uint32_t routes; // that name it
	uint64_t token;  // of rcu, when the last one left
};

struct route_table {
	struct route *buckets[BUCKETS];
	struct hop_use uses[ROUTE_HOPS];
	uint32_t hops_high; // hops below this were in use once
};

static void multicast_and_broadcast(struct dp *dp)
{
	// 224.0.0.0/3 also holds the reserved class E and the limited broadcast.
	route_iface_add(dp, 0xe0000000, 3, UINT16_MAX, ROUTE_BROADCAST);
	route_iface_add(dp, 0x7f000000, 8, UINT16_MAX, ROUTE_BROADCAST);
	route_iface_add(dp, 0x00000000, 8, UINT16_MAX, ROUTE_BROADCAST);
}

int route_init(struct dp *dp)
{
	struct rte_lpm_config config = {.max_rules = LPM_RULES, .number_tbl8s = LPM_GROUPS};
	struct rte_lpm_rcu_config rcu = {.v = dp->rcu, .mode = RTE_LPM_QSBR_MODE_DQ};

	dp->routes = calloc(1, sizeof(*dp->routes));
	if (!dp->routes)
		return -ENOMEM;
	dp->routes->table = calloc(1, sizeof(*dp->routes->table));
	dp->routes->view.lpm = rte_lpm_create("routes", SOCKET_ID_ANY, &config);
	if (!dp->routes->table || !dp->routes->view.lpm)
		return -ENOMEM;
	dp->routes->table->hops_high = 1;
	dp->routes->view.version = 1;
	dp->routes->view.hops[ROUTE_NONE].iface = UINT16_MAX;
	if (rte_lpm_rcu_qsbr_add(dp->routes->view.lpm, &rcu))
		return -ENOMEM;
	multicast_and_broadcast(dp);
	return 0;
}

static void table_free(struct route_table *t)
{
	for (unsigned i = 0; t && i < BUCKETS; i++) {
		while (t->buckets[i]) {
			struct route *next = t->buckets[i]->next;

			free(t->buckets[i]);
			t->buckets[i] = next;
		}
	}
	free(t);
}

void route_fini(struct dp *dp)
{
	if (!dp->routes)
		return;
	table_free(dp->routes->table);
	rte_lpm_free(dp->routes->view.lpm);
	free(dp->routes);
	dp->routes = NULL;
}

// ---- hops ------------------------------------------------------------------------------------

static bool hop_is(const struct route_hop *a, const struct route_hop *b)
{
	return a->gateway == b->gateway && a->iface == b->iface && a->kind == b->kind;
}

// May the hop be filled anew? Only when no worker can still look at it.
static bool hop_is_free(const struct dp *dp, const struct hop_use *use)
{
	return use->routes == 0 && rte_rcu_qsbr_check(dp->rcu, use->token, false) == 1;
}

// A hop with these contents, one more route names it. ROUTE_NONE: all are in use.
static uint16_t hop_take(struct dp *dp, const struct route_hop *wanted)
{
	struct route_table *t = dp->routes->table;
	struct route_hop *hops = dp->routes->view.hops;
	uint32_t spare = ROUTE_NONE;

	for (uint32_t i = 1; i < t->hops_high; i++) {
		if (t->uses[i].routes && hop_is(&hops[i], wanted)) {
			t->uses[i].routes++;
			return (uint16_t)i;
		}
		if (spare == ROUTE_NONE && hop_is_free(dp, &t->uses[i]))
			spare = i;
	}
	if (spare == ROUTE_NONE && t->hops_high < ROUTE_HOPS)
		spare = t->hops_high++;
	if (spare == ROUTE_NONE)
		return ROUTE_NONE;
	hops[spare] = *wanted;
	t->uses[spare].routes = 1;
	return (uint16_t)spare;
}

static void hop_drop(struct dp *dp, uint16_t hop)
{
	struct hop_use *use = &dp->routes->table->uses[hop];

	if (hop != ROUTE_NONE && --use->routes == 0)
		use->token = rte_rcu_qsbr_start(dp->rcu);
}

// ---- prefixes --------------------------------------------------------------------------------

static struct route **find(struct route_table *t, uint32_t addr, uint8_t len)
{
	struct route **at = &t->buckets[rte_hash_crc_4byte(addr, len) % BUCKETS];

	while (*at && ((*at)->addr != addr || (*at)->len != len))
		at = &(*at)->next;
	return at;
}

// Makes readers see `hop` for the prefix; ROUTE_NONE takes it out.
static int install(struct dp *dp, struct route *r, uint16_t hop)
{
	struct routes_view *view = &dp->routes->view;
	int rc = 0;

	if (hop == r->installed)
		return 0;
	if (r->len == 0)
		// Release: the hop's contents come before its name.
		__atomic_store_n(&view->default_hop, hop, __ATOMIC_RELEASE);
	else if (hop != ROUTE_NONE)
		rc = rte_lpm_add(view->lpm, r->addr, r->len, hop);
	else
		rc = rte_lpm_delete(view->lpm, r->addr, r->len);
	if (rc == 0) {
		uint32_t next = view->version + 1;

		r->installed = hop;
		// Release: behind the change. Whoever remembers a hop looks again; the old hop's
		// grace period starts after this.
		__atomic_store_n(&view->version, next ? next : 1, __ATOMIC_RELEASE);
	}
	return rc;
}

static uint16_t best(const struct route *r)
{
	for (unsigned s = 0; s < SOURCES; s++)
		if (r->hop[s] != ROUTE_NONE)
			return r->hop[s];
	return ROUTE_NONE;
}

// Takes a route that nothing names out of the table.
static void forget(struct route **at)
{
	struct route *r = *at;

	if (best(r) != ROUTE_NONE)
		return;
	*at = r->next;
	free(r);
}

static int set(struct dp *dp, uint32_t addr, uint8_t len, enum route_source source,
               const struct route_hop *wanted)
{
	struct route **at = find(dp->routes->table, addr, len), *r = *at;
	uint16_t old, hop;
	int rc;

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		r->addr = addr;
		r->len = len;
		*at = r;
	}
	hop = wanted ? hop_take(dp, wanted) : ROUTE_NONE;
	if (wanted && hop == ROUTE_NONE) {
		forget(at);
		return -ENOSPC;
	}
	old = r->hop[source];
	r->hop[source] = hop;
	rc = install(dp, r, best(r));
	if (rc) {
		r->hop[source] = old;
		hop_drop(dp, hop);
	} else {
		hop_drop(dp, old);
	}
	forget(at);
	return rc;
}

int route_iface_add(struct dp *dp, uint32_t addr, uint8_t len, uint16_t iface, enum route_kind kind)
{
	const struct route_hop wanted = {.iface = iface, .kind = (uint16_t)kind};
	struct route *r = *find(dp->routes->table, addr, len);

	if (r && r->hop[SOURCE_IFACE] != ROUTE_NONE &&
	    dp->routes->view.hops[r->hop[SOURCE_IFACE]].iface != iface)
		return -EEXIST;
	return set(dp, addr, len, SOURCE_IFACE, &wanted);
}

void route_iface_del(struct dp *dp, uint32_t addr, uint8_t len, uint16_t iface)
{
	struct route *r = *find(dp->routes->table, addr, len);

	if (r && r->hop[SOURCE_IFACE] != ROUTE_NONE &&
	    dp->routes->view.hops[r->hop[SOURCE_IFACE]].iface == iface)
		set(dp, addr, len, SOURCE_IFACE, NULL);
}

// ---- the contract ----------------------------------------------------------------------------

int dp_route_add(struct dp *dp, const struct ip_prefix *prefix, const struct ip_addr *gateway,
                 uint16_t iface)
{
	struct route_hop hop = {.iface = iface, .kind = ROUTE_CONNECTED};

	if (prefix->addr.family != 4 || gateway->family == 6)
		return -EAFNOSUPPORT;
	if (iface >= dp->n_ifaces || prefix->len > 32)
		return -EINVAL;
	if (gateway->family == 4) {
		hop.kind = ROUTE_GATEWAY;
		hop.gateway = rte_cpu_to_be_32(addr_v4_host(gateway));
	}
	return set(dp, addr_v4_host(&prefix->addr), prefix->len, SOURCE_STATIC, &hop);
}

void dp_route_del(struct dp *dp, const struct ip_prefix *prefix)
{
	uint32_t addr = addr_v4_host(&prefix->addr);

	if (prefix->addr.family == 4 && prefix->len <= 32 &&
	    *find(dp->routes->table, addr, prefix->len))
		set(dp, addr, prefix->len, SOURCE_STATIC, NULL);
}

int dp_route_find(const struct dp *dp, const struct ip_addr *dst, uint16_t *iface,
                  struct ip_addr *next_hop, struct ip_addr *source)
{
	const struct route_hop *hop;
	uint32_t to;

	if (dst->family != 4)
		return -EHOSTUNREACH;
	to = rte_cpu_to_be_32(addr_v4_host(dst));
	hop = route_hop(dp->routes, route_lookup(dp->routes, to));
	if (hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED)
		return -EHOSTUNREACH;
	if (!iface_is_up(&dp->ifaces[hop->iface]))
		return -EHOSTUNREACH;
	*iface = hop->iface;
	*next_hop = hop->kind == ROUTE_GATEWAY ? addr_v4(rte_be_to_cpu_32(hop->gateway)) : *dst;
	*source = dp->ifaces[hop->iface].config.address;
	return 0;
}
