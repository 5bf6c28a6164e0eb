// Routes in the words of IOS: of the static ones those that are in force, found as the control core
// finds them. Helper threads only.
#include "show_route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "show_interface.h"
#include "text.h"
#include "ways.h"

static bool is_usable(const struct interface_view *v, const struct ip_addr *addr)
{
	for (unsigned i = 0; i < v->n_addresses6; i++)
		if (addr_equal(&v->addresses6[i].addr, addr))
			return v->addresses6[i].state == ND_VALID;
	return false;
}

void route_note(const struct config *c, const struct interface_view *v, struct route_interface *all)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	struct route_interface *r;

	if (!i)
		return;
	r = &all[i - c->interfaces];
	r->up = interface_works(c, v);
	r->n6 = config_addresses6(i, v->info.mac, r->six);
	for (unsigned k = 0; k < r->n6; k++)
		r->usable[k] = is_usable(v, &r->six[k].addr);
}

static bool discards(const struct config_route *r)
{
	return strcmp(r->interface, CONFIG_NULL) == 0;
}

// The static routes that are in force, and how many. NULL: no memory.
static struct way *in_force(const struct config *c, const struct route_interface *all, uint32_t *n)
{
	struct way *ways = calloc(c->n_routes + 1u, sizeof(*ways));
	struct reach *reach = reach_create(c->n_interfaces);
	int32_t found = -ENOMEM;

	for (uint32_t i = 0; reach && i < c->n_interfaces; i++)
		if (all[i].up)
			reach_add(reach, (uint16_t)i, &c->interfaces[i], all[i].six, all[i].n6);
	if (reach && ways)
		found = ways_find(c, reach, ways);
	reach_destroy(reach);
	if (found < 0) {
		free(ways);
		return NULL;
	}
	*n = (uint32_t)found;
	return ways;
}

// ---- IPv4

static void print_static(const struct config_route *r, struct text *out)
{
	char prefix[PREFIX_TEXT], hop[ADDR_TEXT];

	text_printf(out, "S%c    %s", r->prefix.len ? ' ' : '*', prefix_format(&r->prefix, prefix));
	if (!discards(r))
		text_printf(out, " [%u/0]", r->distance);
	if (r->next_hop.family && !discards(r))
		text_printf(out, " via %s", addr_format(&r->next_hop, hop));
	else
		text_printf(out, " is directly connected");
	if (r->interface[0])
		text_printf(out, ", %s", r->interface);
	text_printf(out, "\n");
}

static const struct config_route *last_resort(const struct config *c, const struct way *ways,
                                              uint32_t n)
{
	const struct config_route *r;

	for (uint32_t i = 0; i < n; i++) {
		r = &c->routes[ways[i].route];
		if (r->prefix.addr.family == 4 && !r->prefix.len)
			return r->next_hop.family && !discards(r) ? r : NULL;
	}
	return NULL;
}

int route_print(const struct config *c, const struct route_interface *all, struct text *out)
{
	char text[PREFIX_TEXT], addr[ADDR_TEXT];
	const struct config_route *last;
	struct way *ways;
	uint32_t n;

	ways = in_force(c, all, &n);
	if (!ways)
		return -ENOMEM;
	last = last_resort(c, ways, n);
	text_printf(out, "Codes: L - local, C - connected, S - static, * - candidate default\n\n");
	if (last)
		text_printf(out, "Gateway of last resort is %s to network 0.0.0.0\n\n",
		            addr_format(&last->next_hop, addr));
	else
		text_printf(out, "Gateway of last resort is not set\n\n");
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct config_interface *k = &c->interfaces[i];
		struct ip_prefix net = prefix_make(&k->address, k->prefix_len);

		if (!k->address.family || !all[i].up)
			continue;
		text_printf(out, "C     %s is directly connected, %s\n", prefix_format(&net, text),
		            k->name);
		text_printf(out, "L     %s/32 is directly connected, %s\n",
		            addr_format(&k->address, addr), k->name);
	}
	for (uint32_t i = 0; i < n; i++)
		if (ways[i].prefix.addr.family == 4)
			print_static(&c->routes[ways[i].route], out);
	free(ways);
	return 0;
}

// What an interface has, or a static route.
struct choice {
	struct ip_prefix prefix;
	bool found, local; // local: the interface's own address
	const char *name;  // of the interface, NULL: by the next hop
	const struct config_route *route;
};

static void consider(struct choice *best, const struct ip_addr *to, struct choice next)
{
	if (!prefix_contains(&next.prefix, to) ||
	    (best->found && best->prefix.len >= next.prefix.len))
		return;
	*best = next;
	best->found = true;
}

static struct choice find_route(const struct config *c, const struct route_interface *all,
                                const struct way *ways, uint32_t n_ways, const struct ip_addr *to)
{
	struct choice best = {0};

	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct config_interface *n = &c->interfaces[i];

		if (!n->address.family || !all[i].up)
			continue;
		consider(&best, to,
		         (struct choice){.prefix = prefix_make(&n->address, n->prefix_len),
		                         .name = n->name});
		consider(&best, to,
		         (struct choice){.prefix = prefix_host(&n->address),
		                         .local = true,
		                         .name = n->name});
	}
	for (uint32_t i = 0; i < n_ways; i++) {
		const struct config_route *r = &c->routes[ways[i].route];

		consider(&best, to,
		         (struct choice){.prefix = r->prefix,
		                         .name = r->interface[0] ? r->interface : NULL,
		                         .route = r});
	}
	return best;
}

// Shorter than its address's class would have it.
static bool is_supernet(const struct ip_prefix *p)
{
	uint8_t first = p->addr.bytes[0];

	return p->len < (first < 128 ? 8 : first < 192 ? 16 : 24);
}

int route_print_to(const struct config *c, const struct route_interface *all,
                   const struct ip_addr *to, struct text *out)
{
	uint32_t n = 0;
	struct way *ways = in_force(c, all, &n);
	char text[PREFIX_TEXT], hop[ADDR_TEXT];
	const struct config_route *r;
	struct choice best;
	bool via;

	if (!ways)
		return -ENOMEM;
	best = find_route(c, all, ways, n, to);
	free(ways);
	if (!best.found)
		return -ENOENT;
	r = best.route;
	via = r && r->next_hop.family && !discards(r);
	text_printf(out, "Routing entry for %s%s\n  Known via \"%s\", distance %u, metric 0%s%s\n",
	            prefix_format(&best.prefix, text),
	            is_supernet(&best.prefix) ? ", supernet" : "", r ? "static" : "connected",
	            r ? r->distance : 0,
	            via               ? ""
	            : r || best.local ? " (connected)"
	                              : " (connected, via interface)",
	            r && !r->prefix.len ? ", candidate default path" : "");
	text_printf(out, "  Routing Descriptor Blocks:\n  * %s%s%s\n",
	            via ? addr_format(&r->next_hop, hop) : "directly connected",
	            best.name ? ", via " : "", best.name ? best.name : "");
	text_printf(out, "      Route metric is 0, traffic share count is 1\n");
	return 0;
}

// ---- IPv6

struct line {
	struct ip_prefix prefix;
	const char *code;
	const char *name;                 // of the interface
	const struct config_route *route; // static
};

// Of the same prefix, what an interface has before what is static.
static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (x->route != NULL) - (y->route != NULL);
}

static uint32_t add_interface(const struct config_interface *i, const struct route_interface *r,
                              struct line *to)
{
	uint32_t n = 0;

	for (unsigned k = 0; k < r->n6; k++) {
		struct ip_prefix net = prefix_make(&r->six[k].addr, r->six[k].prefix_len);
		struct ip_prefix host = prefix_host(&r->six[k].addr);

		// A link-local address is the link's own business.
		if (addr_is_link_local(&host.addr) || !r->usable[k])
			continue;
		if (net.len < 128)
			to[n++] = (struct line){net, "C", i->name, NULL};
		to[n++] = (struct line){host, net.len < 128 ? "L" : "LC", i->name, NULL};
	}
	return n;
}

static uint32_t collect(const struct config *c, const struct route_interface *all,
                        const struct way *ways, uint32_t n_ways, struct line *lines)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_interfaces; i++)
		if (all[i].up)
			n += add_interface(&c->interfaces[i], &all[i], lines + n);
	for (uint32_t i = 0; i < n_ways; i++) {
		const struct config_route *r = &c->routes[ways[i].route];

		if (r->prefix.addr.family == 6)
			lines[n++] = (struct line){r->prefix, "S", r->interface, r};
	}
	qsort(lines, n, sizeof(*lines), compare);
	return n;
}

static void print_line(const struct line *l, struct text *out)
{
	char prefix[PREFIX_TEXT], hop[ADDR_TEXT];
	bool via = l->route && l->route->next_hop.family && !discards(l->route);

	text_printf(out, "%-3s %s [%u/0]\n     via ", l->code, prefix_format(&l->prefix, prefix),
	            l->route ? l->route->distance : 0);
	if (via)
		text_printf(out, "%s%s%s\n", addr_format(&l->route->next_hop, hop),
		            l->name[0] ? ", " : "", l->name);
	else
		text_printf(out, "%s, %s\n", l->name,
		            l->code[0] == 'L' ? "receive" : "directly connected");
}

// An interface's route wins over a static one; of two interfaces only one can have a network.
static uint32_t unique(struct line *lines, uint32_t n)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!k || !prefix_equal(&lines[k - 1].prefix, &lines[i].prefix))
			lines[k++] = lines[i];
	return k;
}

int route_print6(const struct config *c, const struct route_interface *all, struct text *out)
{
	size_t most = (size_t)c->n_interfaces * 2 * CONFIG_ADDRESSES6 + c->n_routes;
	struct line *lines = calloc(most + 1, sizeof(*lines));
	uint32_t n = 0;
	struct way *ways = in_force(c, all, &n);

	if (lines && ways) {
		n = unique(lines, collect(c, all, ways, n, lines));
		text_printf(out,
		            "IPv6 Routing Table - default - %u entries\n"
		            "Codes: C - Connected, L - Local, S - Static\n",
		            n);
		for (uint32_t i = 0; i < n; i++)
			print_line(&lines[i], out);
	}
	free(ways);
	free(lines);
	return lines && ways ? 0 : -ENOMEM;
}
