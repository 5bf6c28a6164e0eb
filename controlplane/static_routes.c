// Static routes into the dataplane: of those to one prefix the usable one with the least distance.
// Control core only. Must not take a route away before what stands for it now is there: what finds
// no route takes a less specific one, perhaps in clear.
#include "static_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "control.h"
#include "neighbour.h"
#include "subinterface.h"

#define AGAIN_IN ticks_from_seconds(1)
#define DISCARDS UINT16_MAX // a way's interface: what goes there is dropped

// What leads to a prefix. Values alone: they outlive the configuration that they come from.
struct way {
	struct ip_prefix prefix;
	struct ip_addr hop; // family 0: the interface itself
	uint16_t iface;
	bool installed;
	bool kept; // the hop is a neighbour that is kept for this
	bool ends;
};

// ---- where routes may lead -------------------------------------------------------------------

struct named {
	const char *name;
	uint16_t iface;
};

struct net {
	struct ip_prefix prefix;
	uint16_t iface;
};

#define GROUPS_MAX (33 + 129) // lengths of both families

// The interfaces that carry packets and their networks, in order, so that a route costs a few
// comparisons and not a look at each interface.
struct reach {
	struct named *names;
	struct net *nets;
	unsigned n_names, n_nets, n_groups;
	struct {
		unsigned first, end; // of nets: one family and length
	} groups[GROUPS_MAX];
};

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

static void add_interface(const struct control *c, uint16_t iface, const struct config_interface *i,
                          struct reach *r)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint8_t mac[6];
	unsigned n;

	r->names[r->n_names++] = (struct named){i->name, iface};
	if (i->address.family)
		r->nets[r->n_nets++] = (struct net){prefix_make(&i->address, i->prefix_len), iface};
	dp_iface_mac(c->dp, iface, mac);
	n = config_addresses6(i, mac, six);
	for (unsigned k = 0; k < n; k++)
		if (!six[k].link_local)
			r->nets[r->n_nets++] =
				(struct net){prefix_make(&six[k].addr, six[k].prefix_len), iface};
}

static void group(struct reach *r)
{
	for (unsigned i = 0; i < r->n_nets; i++) {
		const struct ip_prefix *p = &r->nets[i].prefix;
		const struct ip_prefix *before = i ? &r->nets[i - 1].prefix : NULL;

		if (!before || p->len != before->len || p->addr.family != before->addr.family)
			r->groups[r->n_groups++].first = i;
		r->groups[r->n_groups - 1].end = i + 1;
	}
}

static void reach_free(struct reach *r)
{
	if (r) {
		free(r->names);
		free(r->nets);
	}
	free(r);
}

// NULL: no memory.
static struct reach *reach_make(const struct control *c)
{
	struct reach *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->names = calloc(c->n_ports + 1u, sizeof(*r->names));
	r->nets = calloc(c->n_ports + 1u, sizeof(*r->nets) * (1 + CONFIG_ADDRESSES6));
	if (!r->names || !r->nets) {
		reach_free(r);
		return NULL;
	}
	for (unsigned n = 0; n < c->n_ports; n++) {
		const struct config_interface *i = config_find_interface(c->config, c->ports[n]);

		if (i && config_interface_up(c->config, i) && !c->link_down[n])
			add_interface(c, (uint16_t)n, i, r);
	}
	qsort(r->names, r->n_names, sizeof(*r->names), compare_names);
	qsort(r->nets, r->n_nets, sizeof(*r->nets), compare_nets);
	group(r);
	return r;
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

// The interface that a route leaves through: named, or the first one whose network has the next
// hop. -1: none that carries packets.
static int leads_through(const struct reach *r, const struct config_route *route)
{
	int best = -1;

	if (!strcmp(route->interface, CONFIG_NULL))
		return DISCARDS;
	if (route->interface[0])
		return find_name(r, route->interface);
	for (unsigned g = 0; g < r->n_groups; g++) {
		int found;

		if (r->nets[r->groups[g].first].prefix.addr.family != route->next_hop.family)
			continue;
		found = find_in_group(r, g, &route->next_hop);
		if (found >= 0 && (best < 0 || found < best))
			best = found;
	}
	return best;
}

// ---- ways ------------------------------------------------------------------------------------

// Of the routes to one prefix, which lie side by side from `first` on: the usable one with the
// least distance. False: there is none. *next is set behind them.
static bool find_way(const struct config *config, const struct reach *r, uint32_t first,
                     uint32_t *next, struct way *way)
{
	const struct config_route *routes = config->routes, *best = NULL;
	int best_iface = -1;
	uint32_t i;

	for (i = first;
	     i < config->n_routes && prefix_equal(&routes[i].prefix, &routes[first].prefix); i++) {
		int iface;

		if (best && routes[i].distance >= best->distance)
			continue;
		iface = leads_through(r, &routes[i]);
		if (iface < 0)
			continue;
		best = &routes[i];
		best_iface = iface;
	}
	*next = i;
	if (!best)
		return false;
	*way = (struct way){.prefix = best->prefix, .iface = (uint16_t)best_iface};
	if (best_iface != DISCARDS)
		way->hop = best->next_hop;
	return true;
}

// Returns how many there are.
static uint32_t find_ways(struct control *c, const struct reach *r, bool warn, struct way *ways)
{
	const struct config *config = c->config;
	char text[PREFIX_TEXT];
	uint32_t n = 0;

	for (uint32_t i = 0, next; i < config->n_routes; i = next) {
		if (find_way(config, r, i, &next, &ways[n]))
			n++;
		else if (warn)
			log_msg(&c->log, LOG_WARNING, "IPRT", "UNREACHABLE",
			        "No interface leads to the next hop of route %s",
			        prefix_format(&config->routes[i].prefix, text));
	}
	return n;
}

static bool same_way(const struct way *a, const struct way *b)
{
	return a->iface == b->iface && addr_equal(&a->hop, &b->hop);
}

static int prefix_order(const struct way *a, const struct way *b)
{
	int order = addr_compare(&a->prefix.addr, &b->prefix.addr);

	return order ? order : (int)a->prefix.len - (int)b->prefix.len;
}

static void way_install(struct control *c, struct way *w, bool quiet)
{
	char text[PREFIX_TEXT];
	int err;

	if (w->iface == DISCARDS)
		err = dp_route_discard(c->dp, &w->prefix);
	else
		err = dp_route_add(c->dp, &w->prefix, &w->hop, w->iface);
	w->installed = err == 0;
	if (err < 0 && !quiet)
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE", "Route %s: %s",
		        prefix_format(&w->prefix, text), strerror(-err));
}

static void way_keep(struct control *c, struct way *w)
{
	if (w->installed && w->hop.family && !w->kept)
		w->kept = neighbour_want(c, w->iface, &w->hop, true);
}

static void way_end(struct control *c, struct way *w)
{
	if (w->kept)
		neighbour_unkeep(c, w->iface, &w->hop);
	w->kept = false;
}

// The same prefix before and now.
static void replace(struct control *c, struct way *old, struct way *now)
{
	if (!same_way(old, now)) {
		way_install(c, now, false);
		way_keep(c, now);
		way_end(c, old);
		return;
	}
	now->installed = old->installed;
	now->kept = old->kept;
	if (!now->installed)
		way_install(c, now, true);
	way_keep(c, now);
}

// From the ways that there were to those that there are now, both in order of their prefixes. From
// behind, because a prefix sorts before those that it covers: a less specific way must not be there
// before them. What goes does so after all that comes, in the other order.
static void change_ways(struct control *c, struct way *old, uint32_t n_old, struct way *now,
                        uint32_t n_now)
{
	uint32_t i = n_old, k = n_now;

	while (i || k) {
		int order = !i ? -1 : !k ? 1 : prefix_order(&old[i - 1], &now[k - 1]);

		i -= order >= 0;
		k -= order <= 0;
		if (order > 0) {
			old[i].ends = true;
		} else if (order < 0) {
			way_install(c, &now[k], false);
			way_keep(c, &now[k]);
		} else {
			replace(c, &old[i], &now[k]);
		}
	}
	for (i = 0; i < n_old; i++) {
		if (!old[i].ends)
			continue;
		dp_route_del(c->dp, &old[i].prefix);
		way_end(c, &old[i]);
	}
}

static void try_again(void *ctx, struct wheel_timer *t)
{
	(void)t;
	static_routes_sync(ctx, false);
}

int static_routes_sync(struct control *c, bool warn)
{
	struct static_routes *s = &c->static_routes;
	struct reach *r = reach_make(c);
	struct way *ways = r ? calloc(c->config->n_routes + 1u, sizeof(*ways)) : NULL;
	uint32_t n;

	if (!ways) {
		reach_free(r);
		if (!s->told)
			log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE",
			        "Out of memory: routes stay as they are, and are tried each "
			        "second");
		s->told = true;
		wheel_arm(&c->wheel, &s->again, c->now + AGAIN_IN, try_again);
		return -ENOMEM;
	}
	n = find_ways(c, r, warn, ways);
	reach_free(r);
	change_ways(c, s->ways, s->n, ways, n);
	free(s->ways);
	s->ways = ways;
	s->n = n;
	s->told = false;
	wheel_cancel(&c->wheel, &s->again);
	return 0;
}

// What goes there is dropped until static_routes_sync() knows better.
static void way_close(struct control *c, struct way *w)
{
	way_end(c, w);
	w->iface = DISCARDS;
	w->hop = (struct ip_addr){0};
	way_install(c, w, false);
}

// The networks of an interface that is about to leave: their own routes go with it.
static uint32_t close_networks(struct control *c, uint16_t iface, struct way *ways)
{
	const struct config_interface *i = config_find_interface(c->config, c->ports[iface]);
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint32_t n = 0;
	unsigned n_six;
	uint8_t mac[6];

	if (!i)
		return 0;
	if (i->address.family)
		ways[n++].prefix = prefix_make(&i->address, i->prefix_len);
	dp_iface_mac(c->dp, iface, mac);
	n_six = config_addresses6(i, mac, six);
	for (unsigned k = 0; k < n_six; k++)
		if (!six[k].link_local)
			ways[n++].prefix = prefix_make(&six[k].addr, six[k].prefix_len);
	return n;
}

static int compare_ways(const void *a, const void *b)
{
	return prefix_order(a, b);
}

// Closes the networks of all interfaces that leave, beside the ways that there are.
static void close_all_networks(struct control *c, const struct config *next)
{
	struct static_routes *s = &c->static_routes;
	uint32_t most = s->n, n = s->n;
	struct way *ways;

	for (unsigned i = 0; i < c->n_ports; i++)
		most += subinterface_stays(c, i, next) ? 0 : 1 + CONFIG_ADDRESSES6;
	ways = most > s->n ? realloc(s->ways, most * sizeof(*ways)) : NULL;
	if (!ways)
		return;
	memset(ways + s->n, 0, (most - s->n) * sizeof(*ways));
	s->ways = ways;
	for (unsigned i = 0; i < c->n_ports; i++)
		if (!subinterface_stays(c, i, next))
			n += close_networks(c, (uint16_t)i, ways + n);
	for (uint32_t i = s->n, known = s->n; i < n; i++) {
		if (bsearch(&ways[i], ways, known, sizeof(*ways), compare_ways))
			continue;
		ways[s->n] = ways[i];
		way_close(c, &ways[s->n++]);
	}
	qsort(ways, s->n, sizeof(*ways), compare_ways);
}

void static_routes_leave(struct control *c, const struct config *next)
{
	struct static_routes *s = &c->static_routes;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->ways[i].iface != DISCARDS && !subinterface_stays(c, s->ways[i].iface, next))
			way_close(c, &s->ways[i]);
	close_all_networks(c, next);
}

void static_routes_fini(struct control *c)
{
	struct static_routes *s = &c->static_routes;

	wheel_cancel(&c->wheel, &s->again);
	free(s->ways);
	*s = (struct static_routes){0};
}
