// Static routes into the dataplane: of those to one prefix the usable one with the least distance.
// Control core only. Must not take a route away before what stands for it now is there: what finds
// no route takes a less specific one, perhaps in clear.
#include "static_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "control.h"
#include "lost_networks.h"
#include "neighbour.h"
#include "subinterface.h"
#include "ways.h"

#define AGAIN_IN ticks_from_seconds(1)

// What leads to a prefix, in the dataplane. Values alone: they outlive their configuration.
struct static_way {
	struct way way;
	bool installed;
	bool kept; // the hop is a neighbour that is kept for this
	bool ends;
};

// The interfaces that carry packets. NULL: no memory.
static struct reach *reach_make(const struct control *c)
{
	struct reach *r = reach_create(c->n_ports);
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint8_t mac[6];

	for (unsigned n = 0; r && n < c->n_ports; n++) {
		const struct config_interface *i = config_find_interface(c->config, c->ports[n]);

		if (!i || !config_interface_up(c->config, i) || c->link_down[n])
			continue;
		dp_iface_mac(c->dp, (uint16_t)n, mac);
		reach_add(r, (uint16_t)n, i, six, config_addresses6(i, mac, six));
	}
	return r;
}

// The ways that there are now, and how many. NULL: no memory.
static struct static_way *find_ways(const struct control *c, uint32_t *n)
{
	uint32_t most = c->config->n_routes + 1u;
	struct static_way *out = calloc(most, sizeof(*out));
	struct way *ways = calloc(most, sizeof(*ways));
	struct reach *r = reach_make(c);
	int32_t found = out && ways && r ? ways_find(c->config, r, ways) : -ENOMEM;

	for (int32_t i = 0; i < found; i++)
		out[i].way = ways[i];
	reach_destroy(r);
	free(ways);
	if (found < 0) {
		free(out);
		return NULL;
	}
	*n = (uint32_t)found;
	return out;
}

// Each prefix that has a route, and whether one of the ways leads there; `installed`: and is in the
// dataplane's table. Returns their number.
static uint32_t states_of(const struct config *config, const struct static_way *ways, uint32_t n,
                          bool installed, struct network_state *out)
{
	uint32_t k = 0, states = 0;
	bool leads;

	for (uint32_t i = 0; i < config->n_routes; i++) {
		const struct ip_prefix *p = &config->routes[i].prefix;

		if (i && prefix_equal(p, &config->routes[i - 1].prefix))
			continue;
		while (k < n && prefix_compare(&ways[k].way.prefix, p) < 0)
			k++;
		leads = k < n && prefix_equal(&ways[k].way.prefix, p) &&
		        (ways[k].installed || !installed);
		out[states++] = (struct network_state){*p, !leads};
	}
	return states;
}

// Names the prefixes that nothing leads to.
static void warn_of_missing(struct control *c, const struct static_way *ways, uint32_t n)
{
	struct network_state *states = calloc(c->config->n_routes + 1u, sizeof(*states));
	uint32_t n_states = states ? states_of(c->config, ways, n, false, states) : 0;
	char text[PREFIX_TEXT];

	for (uint32_t i = 0; i < n_states; i++)
		if (states[i].lost)
			log_msg(&c->log, LOG_WARNING, "IPRT", "UNREACHABLE",
			        "Nothing leads to the next hop of route %s",
			        prefix_format(&states[i].prefix, text));
	free(states);
}

static bool same_way(const struct static_way *a, const struct static_way *b)
{
	return a->way.iface == b->way.iface && addr_equal(&a->way.hop, &b->way.hop);
}

static void way_install(struct control *c, struct static_way *w, bool quiet)
{
	char text[PREFIX_TEXT];
	int err;

	if (w->way.iface == WAY_DISCARDS)
		err = dp_route_discard(c->dp, &w->way.prefix);
	else
		err = dp_route_add(c->dp, &w->way.prefix, &w->way.hop, w->way.iface);
	w->installed = err == 0;
	if (err < 0 && !quiet)
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE", "Route %s: %s",
		        prefix_format(&w->way.prefix, text), strerror(-err));
}

static void way_keep(struct control *c, struct static_way *w)
{
	if (w->installed && w->way.hop.family && !w->kept)
		w->kept = neighbour_want(c, w->way.iface, &w->way.hop, true);
}

static void way_end(struct control *c, struct static_way *w)
{
	if (w->kept)
		neighbour_unkeep(c, w->way.iface, &w->way.hop);
	w->kept = false;
}

// The same prefix before and now.
static void replace(struct control *c, struct static_way *old, struct static_way *now)
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
static void change_ways(struct control *c, struct static_way *old, uint32_t n_old,
                        struct static_way *now, uint32_t n_now)
{
	uint32_t i = n_old, k = n_now;

	while (i || k) {
		int order = !i   ? -1
		            : !k ? 1
		                 : prefix_compare(&old[i - 1].way.prefix, &now[k - 1].way.prefix);

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
		dp_route_del(c->dp, &old[i].way.prefix);
		way_end(c, &old[i]);
	}
}

static void try_again(void *ctx, struct wheel_timer *t)
{
	(void)t;
	static_routes_sync(ctx, false);
}

static int no_memory(struct control *c)
{
	struct static_routes *s = &c->static_routes;

	if (!s->told)
		log_msg(&c->log, LOG_ERROR, "IPRT", "ROUTE",
		        "Out of memory: routes stay as they are, and are tried each second");
	s->told = true;
	wheel_arm(&c->wheel, &s->again, c->now + AGAIN_IN, try_again);
	return -ENOMEM;
}

int static_routes_sync(struct control *c, bool warn)
{
	struct static_routes *s = &c->static_routes;
	struct static_way *ways;
	uint32_t n;

	ways = find_ways(c, &n);
	if (!ways)
		return no_memory(c);
	if (warn)
		warn_of_missing(c, ways, n);
	c->paths++;
	change_ways(c, s->ways, s->n, ways, n);
	free(s->ways);
	s->ways = ways;
	s->n = n;
	if (lost_networks_settle(c))
		return no_memory(c);
	s->told = false;
	wheel_cancel(&c->wheel, &s->again);
	return 0;
}

int32_t static_routes_state(const struct control *c, bool anew, struct network_state *out)
{
	const struct static_routes *s = &c->static_routes;
	struct static_way *ways;
	int32_t states;
	uint32_t n;

	if (!anew)
		return (int32_t)states_of(c->config, s->ways, s->n, true, out);
	ways = find_ways(c, &n);
	states = ways ? (int32_t)states_of(c->config, ways, n, false, out) : -ENOMEM;
	free(ways);
	return states;
}

// What goes there is dropped until static_routes_sync() knows better.
static void way_close(struct control *c, struct static_way *w)
{
	way_end(c, w);
	w->way.iface = WAY_DISCARDS;
	w->way.hop = (struct ip_addr){0};
	way_install(c, w, false);
}

// The networks of an interface that is about to leave: their own routes go with it.
static uint32_t close_networks(struct control *c, uint16_t iface, struct static_way *ways)
{
	const struct config_interface *i = config_find_interface(c->config, c->ports[iface]);
	struct config_address6 six[CONFIG_ADDRESSES6];
	uint32_t n = 0;
	unsigned n_six;
	uint8_t mac[6];

	if (!i)
		return 0;
	if (i->address.family)
		ways[n++].way.prefix = prefix_make(&i->address, i->prefix_len);
	dp_iface_mac(c->dp, iface, mac);
	n_six = config_addresses6(i, mac, six);
	for (unsigned k = 0; k < n_six; k++)
		if (!six[k].link_local)
			ways[n++].way.prefix = prefix_make(&six[k].addr, six[k].prefix_len);
	return n;
}

static int compare_ways(const void *a, const void *b)
{
	const struct static_way *x = a, *y = b;

	return prefix_compare(&x->way.prefix, &y->way.prefix);
}

// Closes the networks of all interfaces that leave, beside the ways that there are.
static void close_all_networks(struct control *c, const struct config *next)
{
	struct static_routes *s = &c->static_routes;
	uint32_t most = s->n, n = s->n;
	struct static_way *ways;

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
	qsort(ways + s->n, n - s->n, sizeof(*ways), compare_ways); // equal ones side by side
	for (uint32_t i = s->n, known = s->n; i < n; i++) {
		if (bsearch(&ways[i], ways, known, sizeof(*ways), compare_ways) ||
		    (s->n > known && !compare_ways(&ways[s->n - 1], &ways[i])))
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
		if (s->ways[i].way.iface != WAY_DISCARDS &&
		    !subinterface_stays(c, s->ways[i].way.iface, next))
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
