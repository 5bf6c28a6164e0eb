// Which networks are lost, as ranges of addresses. Control core only. Must not forget one before
// its route is there again.
#include "lost_networks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config.h"
#include "control.h"
#include "nd.h"
#include "static_routes.h"

typedef unsigned __int128 number; // an address

// ---- ranges ----------------------------------------------------------------------------------

static number to_number(const struct ip_addr *a)
{
	number v = 0;

	for (unsigned i = 0; i < addr_size(a->family); i++)
		v = v << 8 | a->bytes[i];
	return v;
}

static struct ip_addr to_addr(number v, uint8_t family)
{
	struct ip_addr a = {.family = family};

	for (unsigned i = addr_size(family); i-- > 0; v >>= 8)
		a.bytes[i] = (uint8_t)v;
	return a;
}

static number last_of(const struct ip_prefix *p)
{
	unsigned bits = addr_size(p->addr.family) * 8;
	number all = ~(number)0 >> (128 - bits);

	return to_number(&p->addr) | (p->len < bits ? all >> p->len : 0);
}

// Of equal networks the one that is not lost comes later, and so counts as the more specific.
static int compare_states(const void *a, const void *b)
{
	const struct network_state *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (int)y->lost - (int)x->lost;
}

// A walk over the addresses of a family: the networks around the place where it is, the most
// specific on top.
struct sweep {
	const struct network_state *inside[129 * 2];
	unsigned depth;
	number at;
	bool over; // it has passed the last address
	struct dp_range *out;
	uint32_t n;
};

// Goes on behind `last`.
static void advance(struct sweep *s, number last)
{
	const struct network_state *top = s->inside[s->depth - 1];
	uint8_t family = top->prefix.addr.family;

	if (s->over || s->at > last)
		return;
	if (top->lost)
		s->out[s->n++] = (struct dp_range){to_addr(s->at, family), to_addr(last, family)};
	s->over = last == ~(number)0;
	s->at = last + 1;
}

// Leaves the networks that end before `next`; all if it is NULL.
static void leave(struct sweep *s, const struct ip_prefix *next)
{
	while (s->depth) {
		const struct ip_prefix *top = &s->inside[s->depth - 1]->prefix;

		if (next && prefix_covers(top, next))
			return;
		advance(s, last_of(top));
		s->depth--;
	}
}

uint32_t lost_ranges(struct network_state *networks, uint32_t n, struct dp_range *out)
{
	struct sweep s = {.out = out};

	qsort(networks, n, sizeof(*networks), compare_states);
	for (uint32_t i = 0; i < n; i++) {
		const struct network_state *net = &networks[i];
		number first = to_number(&net->prefix.addr);

		if (i && !compare_states(net, net - 1))
			continue;
		leave(&s, &net->prefix);
		if (s.depth && first)
			advance(&s, first - 1);
		s.at = first;
		s.over = false;
		s.inside[s.depth++] = net;
	}
	leave(&s, NULL);
	return s.n;
}

// ---- what is lost ----------------------------------------------------------------------------

// The dataplane may have no routes for one of an interface's networks, see dp_iface_set().
static bool is_refused(const struct control *c, int iface, const struct ip_prefix *network)
{
	return c->iface_failed[iface] && !dp_iface_has_network(c->dp, (uint16_t)iface, network);
}

// `iface`: its number in the dataplane, or -1: it has none.
static uint32_t add_connected(const struct control *c, const struct config_interface *i, int iface,
                              struct network_state *out)
{
	bool down = iface < 0 || !config_interface_up(c->config, i) || c->link_down[iface];
	struct config_address6 six[CONFIG_ADDRESSES6];
	struct ip_prefix network;
	uint8_t mac[6] = {0};
	unsigned n_six;
	uint32_t n = 0;

	if (i->address.family) {
		network = prefix_make(&i->address, i->prefix_len);
		out[n++] = (struct network_state){network, down || is_refused(c, iface, &network)};
	}
	if (iface >= 0)
		dp_iface_mac(c->dp, (uint16_t)iface, mac);
	n_six = config_addresses6(i, mac, six);
	for (unsigned k = 0; k < n_six; k++) {
		if (six[k].link_local)
			continue;
		network = prefix_make(&six[k].addr, six[k].prefix_len);
		out[n++] = (struct network_state){
			network, down || !nd_is_usable(c, (uint16_t)iface, &six[k].addr) ||
					 is_refused(c, iface, &network)};
	}
	return n;
}

static bool has_number(const struct control *c, const struct config_interface *i)
{
	for (unsigned n = 0; n < c->n_ports; n++)
		if (!strcmp(c->ports[n], i->name))
			return true;
	return false;
}

// What interfaces are connected to, those too that wait for a number.
static uint32_t add_all_connected(const struct control *c, struct network_state *out)
{
	const struct config *config = c->config;
	uint32_t n = 0, numbered = 0;

	for (unsigned k = 0; k < c->n_ports; k++) {
		const struct config_interface *i = config_find_interface(config, c->ports[k]);

		if (!i)
			continue;
		n += add_connected(c, i, (int)k, out + n);
		numbered++;
	}
	for (uint32_t k = 0; numbered < config->n_interfaces && k < config->n_interfaces; k++)
		if (!has_number(c, &config->interfaces[k]))
			n += add_connected(c, &config->interfaces[k], -1, out + n);
	return n;
}

// All networks of the configuration; `anew` as of static_routes_state(). NULL: no memory.
static struct network_state *find_networks(const struct control *c, bool anew, uint32_t *n)
{
	const struct config *config = c->config;
	uint32_t most = config->n_interfaces * (1 + CONFIG_ADDRESSES6) + config->n_routes + 1;
	struct network_state *all = calloc(most, sizeof(*all));
	int32_t routes;

	if (!all)
		return NULL;
	*n = add_all_connected(c, all);
	routes = static_routes_state(c, anew, all + *n);
	if (routes < 0) {
		free(all);
		return NULL;
	}
	*n += (uint32_t)routes;
	return all;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct dp_range *x = a, *y = b;

	return addr_compare(&x->first, &y->first);
}

// In order and without overlaps. Returns how many are left.
static uint32_t unite(struct dp_range *r, uint32_t n)
{
	uint32_t k = 0;

	qsort(r, n, sizeof(*r), compare_ranges);
	for (uint32_t i = 1; i < n; i++) {
		if (addr_compare(&r[i].first, &r[k].last) > 0)
			r[++k] = r[i];
		else if (addr_compare(&r[i].last, &r[k].last) > 0)
			r[k].last = r[i].last;
	}
	return n ? k + 1 : 0;
}

static int tell(struct control *c, struct dp_range *ranges, uint32_t n)
{
	int err = dp_lost_networks(c->dp, ranges, n);

	if (err < 0) {
		free(ranges);
		return err;
	}
	free(c->lost.ranges);
	c->lost.ranges = ranges;
	c->lost.n = n;
	return 0;
}

// Beside what is known (`grow`), by how things will be, or instead, by how they are.
static int update(struct control *c, bool grow)
{
	uint32_t n, kept = grow ? c->lost.n : 0;
	struct network_state *all = find_networks(c, grow, &n);
	struct dp_range *ranges = all ? calloc(2 * (size_t)n + kept + 1, sizeof(*ranges)) : NULL;
	int err = -ENOMEM;

	if (ranges) {
		if (kept)
			memcpy(ranges, c->lost.ranges, kept * sizeof(*ranges));
		n = lost_ranges(all, n, ranges + kept);
		err = tell(c, ranges, unite(ranges, kept + n));
	}
	free(all);
	return err;
}

int lost_networks_grow(struct control *c)
{
	return update(c, true);
}

int lost_networks_settle(struct control *c)
{
	return update(c, false);
}

static void settle_now(void *ctx, struct wheel_timer *t)
{
	struct control *c = ctx;

	if (lost_networks_settle(c) < 0)
		wheel_arm(&c->wheel, t, c->now + TICKS_PER_SECOND, settle_now);
}

void lost_networks_settle_soon(struct control *c)
{
	wheel_arm(&c->wheel, &c->lost.timer, c->now + 1, settle_now);
}

void lost_networks_fini(struct control *c)
{
	wheel_cancel(&c->wheel, &c->lost.timer);
	free(c->lost.ranges);
	c->lost.ranges = NULL;
	c->lost.n = 0;
}
