// See ways.h. A route costs a few comparisons and not a look at each interface.
#include "ways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

#define GROUPS_MAX (33 + 129) // lengths of both families
// Routes by way of routes: so often at most is looked for more of them. Two that lead by each other
// may never settle.
#define ROUNDS_MAX 8

struct named {
	const char *name;
	uint16_t iface;
};

struct net {
	struct ip_prefix prefix;
	uint16_t iface;
};

struct reach {
	struct named *names;
	struct net *nets;
	unsigned n_names, n_nets, n_groups;
	bool sorted;
	struct {
		unsigned first, end; // of nets: one family and length
	} groups[GROUPS_MAX];
};

// What is known so far: the ways of the round before, of which next hops may be reached.
struct known {
	const struct reach *reach;
	const struct way *ways;
	uint32_t n;
	bool lengths[2][129]; // that occur, of IPv4 and IPv6
	bool missed;          // a next hop is on no network
};

// ---- interfaces

struct reach *reach_create(unsigned n_interfaces)
{
	struct reach *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->names = calloc(n_interfaces + 1u, sizeof(*r->names));
	r->nets = calloc(n_interfaces + 1u, sizeof(*r->nets) * (1 + CONFIG_ADDRESSES6));
	if (r->names && r->nets)
		return r;
	reach_destroy(r);
	return NULL;
}

void reach_destroy(struct reach *r)
{
	if (r) {
		free(r->names);
		free(r->nets);
	}
	free(r);
}

void reach_add(struct reach *r, uint16_t iface, const struct config_interface *i,
               const struct config_address6 *six, unsigned n6)
{
	r->names[r->n_names++] = (struct named){i->name, iface};
	if (i->address.family)
		r->nets[r->n_nets++] = (struct net){prefix_make(&i->address, i->prefix_len), iface};
	for (unsigned k = 0; k < n6; k++)
		if (!six[k].link_local)
			r->nets[r->n_nets++] =
				(struct net){prefix_make(&six[k].addr, six[k].prefix_len), iface};
}

static int compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int compare_nets(const void *a, const void *b)
{
	const struct net *x = a, *y = b;
	int order = x->prefix.addr.family - y->prefix.addr.family;

	if (!order)
		order = x->prefix.len - y->prefix.len;
	if (!order)
		order = addr_compare(&x->prefix.addr, &y->prefix.addr);
	return order ? order : x->iface - y->iface;
}

static void sort(struct reach *r)
{
	if (r->sorted)
		return;
	r->sorted = true;
	qsort(r->names, r->n_names, sizeof(*r->names), compare_names);
	qsort(r->nets, r->n_nets, sizeof(*r->nets), compare_nets);
	for (unsigned i = 0; i < r->n_nets; i++) {
		const struct ip_prefix *p = &r->nets[i].prefix;
		const struct ip_prefix *before = i ? &r->nets[i - 1].prefix : NULL;

		if (!before || p->len != before->len || p->addr.family != before->addr.family)
			r->groups[r->n_groups++].first = i;
		r->groups[r->n_groups - 1].end = i + 1;
	}
}

static int find_name(const struct reach *r, const char *name)
{
	const struct named key = {name, 0}, *found;

	found = bsearch(&key, r->names, r->n_names, sizeof(key), compare_names);
	return found ? found->iface : -1;
}

// The first interface of a group that has the network of the next hop, -1: none.
static int find_in_group(const struct reach *r, unsigned g, const struct ip_addr *hop)
{
	unsigned low = r->groups[g].first, high = r->groups[g].end, end = high;
	struct net key = {prefix_make(hop, r->nets[low].prefix.len), 0};

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (compare_nets(&r->nets[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end && prefix_equal(&r->nets[low].prefix, &key.prefix) ? r->nets[low].iface
	                                                                    : -1;
}

// The first interface that has a network with this next hop, -1: none.
static int find_network(const struct reach *r, const struct ip_addr *hop)
{
	int best = -1;

	for (unsigned g = 0; g < r->n_groups; g++) {
		int found;

		if (r->nets[r->groups[g].first].prefix.addr.family != hop->family)
			continue;
		found = find_in_group(r, g, hop);
		if (found >= 0 && (best < 0 || found < best))
			best = found;
	}
	return best;
}

// ---- routes

static int compare_prefixes(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

// The most specific way to a next hop, other than to `own` prefix, NULL: none. Not the default
// route, which leads everywhere: a route with a greater distance would never stand in for one whose
// interface is down.
static const struct way *way_to(const struct known *k, const struct ip_addr *hop,
                                const struct ip_prefix *own)
{
	for (int len = hop->family == 6 ? 128 : 32; len > 0; len--) {
		struct way key = {.prefix = prefix_make(hop, (uint8_t)len)};
		const struct way *found;

		if (!k->lengths[hop->family == 6][len] || prefix_equal(&key.prefix, own))
			continue;
		found = bsearch(&key, k->ways, k->n, sizeof(key), compare_prefixes);
		if (found)
			return found;
	}
	return NULL;
}

// False: it cannot be used.
static bool resolve(struct known *k, const struct config_route *route, struct way *way)
{
	int iface = route->interface[0] ? find_name(k->reach, route->interface)
	                                : find_network(k->reach, &route->next_hop);
	const struct way *by;

	*way = (struct way){.prefix = route->prefix};
	if (!strcmp(route->interface, CONFIG_NULL)) {
		way->iface = WAY_DISCARDS;
		return true;
	}
	if (iface >= 0) {
		way->iface = (uint16_t)iface;
		way->hop = route->next_hop;
		return true;
	}
	if (route->interface[0])
		return false;
	k->missed = true;
	by = way_to(k, &route->next_hop, &route->prefix);
	if (!by)
		return false;
	way->iface = by->iface;
	if (by->iface != WAY_DISCARDS)
		way->hop = by->hop.family ? by->hop : route->next_hop;
	return true;
}

// Of the routes to one prefix, which lie side by side from *at on. False: none can be used. *at is
// set behind them.
static bool choose(struct known *k, const struct config *config, uint32_t *at, struct way *best)
{
	const struct config_route *routes = config->routes, *first = &routes[*at];
	unsigned distance = 0; // of the best; 0 = there is none yet
	struct way way;

	for (; *at < config->n_routes && prefix_equal(&routes[*at].prefix, &first->prefix);
	     (*at)++) {
		if (distance && routes[*at].distance >= distance)
			continue;
		if (!resolve(k, &routes[*at], &way))
			continue;
		*best = way;
		best->route = *at;
		distance = routes[*at].distance;
	}
	return distance;
}

static uint32_t choose_all(struct known *k, const struct config *config, struct way *ways)
{
	uint32_t n = 0;

	k->missed = false;
	for (uint32_t i = 0; i < config->n_routes;)
		n += choose(k, config, &i, &ways[n]);
	return n;
}

static void know(struct known *k, const struct way *ways, uint32_t n)
{
	k->ways = ways;
	k->n = n;
	memset(k->lengths, 0, sizeof(k->lengths));
	for (uint32_t i = 0; i < n; i++)
		k->lengths[ways[i].prefix.addr.family == 6][ways[i].prefix.len] = true;
}

static bool same(const struct way *a, uint32_t n, const struct way *b, uint32_t m)
{
	for (uint32_t i = 0; n == m && i < n; i++)
		if (a[i].route != b[i].route || a[i].iface != b[i].iface ||
		    !addr_equal(&a[i].hop, &b[i].hop))
			return false;
	return n == m;
}

int32_t ways_find(const struct config *config, struct reach *r, struct way *ways)
{
	struct known k = {.reach = r};
	struct way *before;
	uint32_t n;

	sort(r);
	n = choose_all(&k, config, ways);
	if (!k.missed || !n)
		return (int32_t)n;
	before = malloc(config->n_routes * sizeof(*before));
	if (!before)
		return -ENOMEM;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		uint32_t n_before = n;

		memcpy(before, ways, n * sizeof(*ways));
		know(&k, before, n_before);
		n = choose_all(&k, config, ways);
		if (same(before, n_before, ways, n))
			break;
	}
	free(before);
	return (int32_t)n;
}
