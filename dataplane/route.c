// The route table. [C] Keeps for every prefix what the configuration and what the interfaces say,
// and installs the better one where workers look: of IPv4 in rte_lpm, of IPv6 in a prefix table;
// both reclaim memory by the workers' quiescent states. rte_lpm never sees 0.0.0.0/0; that is one
// word beside it.
#include "route.h"

#include <errno.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <stdlib.h>

#include "addr.h"
#include "lost.h"

#define LPM_RULES   65536
#define LPM_GROUPS  4096
#define PREFIXES6   16384
#define BUCKETS     4096u
#define HOP_BUCKETS 4096u

enum route_source { SOURCE_IFACE, SOURCE_STATIC, SOURCES }; // best first

struct route {
	struct route *next;
	struct ip_prefix prefix;
	uint16_t hop[SOURCES]; // ROUTE_NONE = this source has none
	uint16_t installed;
};

struct hop_use {
	uint32_t routes;         // that name it
	uint16_t chain;          // next of its bucket; ROUTE_NONE = the last
	uint16_t before, behind; // of those that no route names
	uint64_t token;          // of rcu, when the last route left
};

struct route_table {
	struct route *buckets[BUCKETS];
	struct hop_use uses[ROUTE_HOPS]; // that of ROUTE_NONE: both ends of the free ones' list
	uint16_t hops[HOP_BUCKETS];      // by contents
	uint32_t hops_high;              // hops below this were in use once
};

static void nowhere(struct dp *dp, const char *addr, uint8_t len)
{
	struct ip_prefix prefix = {.len = len};

	addr_parse(addr, &prefix.addr);
	route_iface_add(dp, &prefix, UINT16_MAX, ROUTE_BROADCAST);
}

static void multicast_and_broadcast(struct dp *dp)
{
	nowhere(dp, "224.0.0.0", 3); // also the reserved class E and the limited broadcast
	nowhere(dp, "127.0.0.0", 8);
	nowhere(dp, "0.0.0.0", 8);
}

static int tables_init(struct dp *dp)
{
	struct routes_view *view = &dp->routes->view;
	struct rte_lpm_config config = {.max_rules = LPM_RULES, .number_tbl8s = LPM_GROUPS};
	struct rte_lpm_rcu_config rcu = {.v = dp->rcu, .mode = RTE_LPM_QSBR_MODE_DQ};

	view->lpm = rte_lpm_create("routes", SOCKET_ID_ANY, &config);
	view->table6 = prefix_table_create("routes6", 6, PREFIXES6, dp->rcu);
	if (!view->lpm || !view->table6 || rte_lpm_rcu_qsbr_add(view->lpm, &rcu))
		return -ENOMEM;
	prefix_table_set_init(view->table6, &view->set6);
	for (unsigned i = 0; i < DP_IFACES_MAX; i++)
		prefix_table_set_init(view->table6, &view->link_local6[i]);
	return 0;
}

int route_init(struct dp *dp)
{
	lost_init(dp);
	dp->routes = calloc(1, sizeof(*dp->routes));
	if (!dp->routes)
		return -ENOMEM;
	dp->routes->table = calloc(1, sizeof(*dp->routes->table));
	if (!dp->routes->table || tables_init(dp))
		return -ENOMEM;
	dp->routes->table->hops_high = 1;
	dp->routes->view.version = 1;
	dp->routes->view.hops[ROUTE_NONE].iface = UINT16_MAX;
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
	lost_fini(dp);
	if (!dp->routes)
		return;
	table_free(dp->routes->table);
	rte_lpm_free(dp->routes->view.lpm);
	prefix_table_destroy(dp->routes->view.table6);
	free(dp->routes);
	dp->routes = NULL;
}

// ---- hops ------------------------------------------------------------------------------------

static bool hop_is(const struct route_hop *a, const struct route_hop *b)
{
	return a->gateway == b->gateway && a->iface == b->iface && a->kind == b->kind &&
	       memcmp(a->gateway6, b->gateway6, sizeof(a->gateway6)) == 0;
}

static uint16_t *hop_bucket(struct route_table *t, const struct route_hop *hop)
{
	return &t->hops[rte_hash_crc(hop, sizeof(*hop), 0) % HOP_BUCKETS];
}

static void hop_unlist(struct route_table *t, uint16_t hop)
{
	const struct hop_use *use = &t->uses[hop];

	t->uses[use->before].behind = use->behind;
	t->uses[use->behind].before = use->before;
}

// A hop that may be filled anew: no worker can still look at it. Of those that were given up the
// first is free before the others. ROUTE_NONE: all are in use.
static uint16_t hop_spare(struct dp *dp)
{
	struct route_table *t = dp->routes->table;
	uint16_t hop = t->uses[ROUTE_NONE].behind, *at;

	if (hop == ROUTE_NONE || rte_rcu_qsbr_check(dp->rcu, t->uses[hop].token, false) != 1)
		return t->hops_high < ROUTE_HOPS ? (uint16_t)t->hops_high++ : ROUTE_NONE;
	hop_unlist(t, hop);
	for (at = hop_bucket(t, &dp->routes->view.hops[hop]); *at != hop;)
		at = &t->uses[*at].chain;
	*at = t->uses[hop].chain;
	return hop;
}

// A hop with these contents, one more route names it: perhaps one that was given up and is still
// what it was. ROUTE_NONE: all are in use.
static uint16_t hop_take(struct dp *dp, const struct route_hop *wanted)
{
	struct route_table *t = dp->routes->table;
	struct route_hop *hops = dp->routes->view.hops;
	uint16_t *bucket = hop_bucket(t, wanted), hop;

	for (hop = *bucket; hop != ROUTE_NONE; hop = t->uses[hop].chain) {
		if (!hop_is(&hops[hop], wanted))
			continue;
		if (t->uses[hop].routes++ == 0)
			hop_unlist(t, hop);
		return hop;
	}
	hop = hop_spare(dp);
	if (hop == ROUTE_NONE)
		return ROUTE_NONE;
	hops[hop] = *wanted;
	t->uses[hop] = (struct hop_use){.routes = 1, .chain = *bucket};
	*bucket = hop;
	return hop;
}

static void hop_drop(struct dp *dp, uint16_t hop)
{
	struct route_table *t = dp->routes->table;
	struct hop_use *use = &t->uses[hop], *ends = &t->uses[ROUTE_NONE];

	if (hop == ROUTE_NONE || --use->routes)
		return;
	use->token = rte_rcu_qsbr_start(dp->rcu);
	use->behind = ROUTE_NONE;
	use->before = ends->before;
	t->uses[use->before].behind = hop;
	ends->before = hop;
}

// ---- prefixes --------------------------------------------------------------------------------

static struct route **find(struct route_table *t, const struct ip_prefix *prefix)
{
	uint64_t words[2]; // aligned, as the hash reads them
	struct route **at;

	memcpy(words, prefix->addr.bytes, sizeof(words));
	at = &t->buckets[rte_hash_crc(words, sizeof(words), prefix->len) % BUCKETS];
	while (*at && !prefix_equal(&(*at)->prefix, prefix))
		at = &(*at)->next;
	return at;
}

// rte_lpm has no 0.0.0.0/0.
static int install4(struct routes_view *view, const struct ip_prefix *prefix, uint16_t hop)
{
	uint32_t addr = addr_v4_host(&prefix->addr);

	if (prefix->len == 0)
		// Release: the hop's contents come before its name.
		__atomic_store_n(&view->default_hop, hop, __ATOMIC_RELEASE);
	else if (hop != ROUTE_NONE)
		return rte_lpm_add(view->lpm, addr, prefix->len, hop);
	else
		return rte_lpm_delete(view->lpm, addr, prefix->len);
	return 0;
}

static int install6(struct routes_view *view, const struct ip_prefix *prefix, uint16_t hop)
{
	if (hop != ROUTE_NONE)
		return prefix_table_set(view->table6, &view->set6, prefix->addr.bytes, prefix->len,
		                        (void *)(uintptr_t)hop);
	prefix_table_del(view->table6, &view->set6, prefix->addr.bytes, prefix->len);
	return 0;
}

// Makes readers see `hop` for the prefix; ROUTE_NONE takes it out.
static int install(struct dp *dp, struct route *r, uint16_t hop)
{
	struct routes_view *view = &dp->routes->view;
	uint32_t next = view->version + 1;
	int rc;

	if (hop == r->installed)
		return 0;
	if (r->prefix.addr.family == 6)
		rc = install6(view, &r->prefix, hop);
	else
		rc = install4(view, &r->prefix, hop);
	if (rc)
		return rc;
	r->installed = hop;
	// Release: behind the change. Whoever remembers a hop looks again; the old hop's grace
	// period starts after this.
	__atomic_store_n(&view->version, next ? next : 1, __ATOMIC_RELEASE);
	return 0;
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

static int set(struct dp *dp, const struct ip_prefix *prefix, enum route_source source,
               const struct route_hop *wanted)
{
	struct route **at = find(dp->routes->table, prefix), *r = *at;
	uint16_t old, hop;
	int rc;

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		r->prefix = *prefix;
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

int route_iface_add(struct dp *dp, const struct ip_prefix *prefix, uint16_t iface,
                    enum route_kind kind)
{
	const struct route_hop wanted = {.iface = iface, .kind = (uint16_t)kind};
	struct route *r = *find(dp->routes->table, prefix);

	if (r && r->hop[SOURCE_IFACE] != ROUTE_NONE &&
	    dp->routes->view.hops[r->hop[SOURCE_IFACE]].iface != iface)
		return -EEXIST;
	return set(dp, prefix, SOURCE_IFACE, &wanted);
}

void route_iface_del(struct dp *dp, const struct ip_prefix *prefix, uint16_t iface)
{
	struct route *r = *find(dp->routes->table, prefix);

	if (r && r->hop[SOURCE_IFACE] != ROUTE_NONE &&
	    dp->routes->view.hops[r->hop[SOURCE_IFACE]].iface == iface)
		set(dp, prefix, SOURCE_IFACE, NULL);
}

int route_link_local_add(struct dp *dp, uint16_t iface, const struct ip_addr *addr)
{
	struct routes_view *view = &dp->routes->view;

	return prefix_table_set(view->table6, &view->link_local6[iface], addr->bytes, 128,
	                        view->table6);
}

void route_link_local_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr)
{
	struct routes_view *view = &dp->routes->view;

	prefix_table_del(view->table6, &view->link_local6[iface], addr->bytes, 128);
}

// ---- the contract ----------------------------------------------------------------------------

static bool prefix_is_usable(const struct ip_prefix *prefix)
{
	return addr_size(prefix->addr.family) && prefix->len <= addr_size(prefix->addr.family) * 8;
}

int dp_route_add(struct dp *dp, const struct ip_prefix *prefix, const struct ip_addr *gateway,
                 uint16_t iface)
{
	struct route_hop hop = {.iface = iface, .kind = ROUTE_CONNECTED};

	if (iface >= dp->n_ifaces || !prefix_is_usable(prefix))
		return -EINVAL;
	if (gateway->family && gateway->family != prefix->addr.family)
		return -EAFNOSUPPORT;
	if (gateway->family)
		hop.kind = ROUTE_GATEWAY;
	if (gateway->family == 4)
		hop.gateway = rte_cpu_to_be_32(addr_v4_host(gateway));
	if (gateway->family == 6)
		memcpy(hop.gateway6, gateway->bytes, sizeof(hop.gateway6));
	return set(dp, prefix, SOURCE_STATIC, &hop);
}

int dp_route_discard(struct dp *dp, const struct ip_prefix *prefix)
{
	const struct route_hop hop = {.iface = UINT16_MAX, .kind = ROUTE_DISCARD};

	return prefix_is_usable(prefix) ? set(dp, prefix, SOURCE_STATIC, &hop) : -EINVAL;
}

void dp_route_del(struct dp *dp, const struct ip_prefix *prefix)
{
	if (prefix_is_usable(prefix) && *find(dp->routes->table, prefix))
		set(dp, prefix, SOURCE_STATIC, NULL);
}

// The own IPv6 address from which a packet to `dst` goes out there: one of the same scope that has
// most bits in common with it (RFC 6724, 5, rules 2 and 8).
static struct ip_addr source6(const struct dp_iface_config *config, const struct ip_addr *dst)
{
	bool local = addr_is_link_local(dst);
	struct ip_addr best = {0};

	for (unsigned i = 0; i < config->n_addresses6; i++) {
		const struct ip_addr *a = &config->addresses6[i].address;

		if (addr_is_link_local(a) == local &&
		    (!best.family || addr_common_bits(a, dst) > addr_common_bits(&best, dst)))
			best = *a;
	}
	return best;
}

int dp_route_find(const struct dp *dp, const struct ip_addr *dst, uint16_t *iface,
                  struct ip_addr *next_hop, struct ip_addr *source)
{
	bool v6 = dst->family == 6;
	const struct route_hop *hop;
	uint16_t index;

	if (v6)
		index = route_lookup6(dp->routes, dst->bytes);
	else
		index = route_lookup(dp->routes, rte_cpu_to_be_32(addr_v4_host(dst)));
	hop = route_hop(dp->routes, index);
	if (hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED)
		return -EHOSTUNREACH;
	if (!iface_is_up(&dp->ifaces[hop->iface]))
		return -EHOSTUNREACH;
	*iface = hop->iface;
	*next_hop = *dst;
	if (hop->kind == ROUTE_GATEWAY)
		*next_hop = v6 ? addr_from_bytes(6, hop->gateway6)
		               : addr_v4(rte_be_to_cpu_32(hop->gateway));
	*source = v6 ? source6(&dp->ifaces[hop->iface].config, dst)
	             : dp->ifaces[hop->iface].config.address;
	return 0;
}
