// Interfaces, routes and neighbours in the words of IOS. Helper threads only.
#include "show_interface.h"

#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "format.h"
#include "text.h"

static const char *state_of(const struct config *c, const struct config_interface *i,
                            const struct interface_view *v)
{
	if (!i || !config_interface_up(c, i))
		return "administratively down";
	return v->info.link_up ? "up" : "down";
}

static const char *protocol_of(const struct config *c, const struct config_interface *i,
                               const struct interface_view *v)
{
	return i && config_interface_up(c, i) && v->info.link_up ? "up" : "down";
}

static void print_mac(const uint8_t mac[6], struct text *out)
{
	text_printf(out, "%02x%02x.%02x%02x.%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
	            mac[5]);
}

void interface_print(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	const struct dp_iface_info *n = &v->info;
	char addr[ADDR_TEXT], cleared[FORMAT_TIME];

	text_printf(out, "%s is %s, line protocol is %s \n  Hardware is %s, address is ", v->name,
	            state_of(c, i, v), protocol_of(c, i, v), n->driver[0] ? n->driver : "unknown");
	print_mac(n->mac, out);
	text_printf(out, "\n");
	if (i && i->description[0])
		text_printf(out, "  Description: %s\n", i->description);
	if (i && i->address.family)
		text_printf(out, "  Internet address is %s/%u\n", addr_format(&i->address, addr),
		            i->prefix_len);
	text_printf(out, "  MTU %u bytes", i ? config_interface_mtu(c, i) : CONFIG_MTU);
	if (n->speed_mbps)
		text_printf(out, ", BW %llu Kbit/sec", n->speed_mbps * 1000ull);
	text_printf(out, "\n");
	if (i && i->vlan)
		text_printf(out, "  Encapsulation 802.1Q Virtual LAN, Vlan ID  %u%s.\n", i->vlan,
		            i->native ? ", native" : "");
	if (i && i->crypto_map[0])
		text_printf(out, "  Crypto map: %s\n", i->crypto_map);
	text_printf(out, "  Last clearing of \"show interface\" counters %s\n",
	            v->cleared == VIEW_NONE ? "never" : format_uptime(v->cleared, cleared));
	text_printf(out,
	            "     %llu packets input, %llu bytes\n"
	            "     %llu input errors, %llu missed\n"
	            "     %llu packets output, %llu bytes\n"
	            "     %llu output errors, %llu dropped\n",
	            (unsigned long long)n->rx_packets, (unsigned long long)n->rx_bytes,
	            (unsigned long long)n->rx_errors, (unsigned long long)n->rx_missed,
	            (unsigned long long)n->tx_packets, (unsigned long long)n->tx_bytes,
	            (unsigned long long)n->tx_errors, (unsigned long long)n->tx_dropped);
}

void interface_brief_head(struct text *out)
{
	text_printf(out, "%-26s %-15s %-3s %-6s %-21s %s\n", "Interface", "IP-Address", "OK?",
	            "Method", "Status", "Protocol");
}

void interface_brief(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	bool has = i && i->address.family;
	char addr[ADDR_TEXT] = "unassigned";

	if (has)
		addr_format(&i->address, addr);
	text_printf(out, "%-26s %-15s %-3s %-6s %-21s %s\n", v->name, addr, "YES",
	            has ? "manual" : "unset", state_of(c, i, v), protocol_of(c, i, v));
}

static void print_static(const struct config_route *r, struct text *out)
{
	char prefix[PREFIX_TEXT], hop[ADDR_TEXT];

	text_printf(out, "S%c    %s [%u/0]", r->prefix.len ? ' ' : '*',
	            prefix_format(&r->prefix, prefix), r->distance);
	if (r->next_hop.family)
		text_printf(out, " via %s", addr_format(&r->next_hop, hop));
	else
		text_printf(out, " is directly connected");
	if (r->interface[0])
		text_printf(out, ", %s", r->interface);
	text_printf(out, "\n");
}

bool interface_works(const struct config *c, const struct interface_view *v)
{
	const struct config_interface *i = config_find_interface(c, v->name);

	return i && config_interface_up(c, i) && v->info.link_up;
}

// Is the route in force: is the interface up by which its next hop is reached?
static bool is_in_force(const struct config *c, const bool *up, const struct config_route *r)
{
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct config_interface *n = &c->interfaces[i];
		struct ip_prefix net = prefix_make(&n->address, n->prefix_len);

		if (!up[i])
			continue;
		if (r->interface[0] ? !strcmp(r->interface, n->name)
		                    : n->address.family && prefix_contains(&net, &r->next_hop))
			return true;
	}
	return false;
}

static const struct config_route *last_resort(const struct config *c, const bool *up)
{
	const struct config_route *best = NULL;

	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];

		if (r->prefix.addr.family != 4 || r->prefix.len || !r->next_hop.family)
			continue;
		if ((!best || r->distance < best->distance) && is_in_force(c, up, r))
			best = r;
	}
	return best;
}

void interface_routes(const struct config *c, const bool *up, struct text *out)
{
	const struct config_route *last = last_resort(c, up);
	char text[PREFIX_TEXT], addr[ADDR_TEXT];

	text_printf(out, "Codes: L - local, C - connected, S - static, * - candidate default\n\n");
	if (last)
		text_printf(out, "Gateway of last resort is %s to network 0.0.0.0\n\n",
		            addr_format(&last->next_hop, addr));
	else
		text_printf(out, "Gateway of last resort is not set\n\n");
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct config_interface *n = &c->interfaces[i];
		struct ip_prefix net = prefix_make(&n->address, n->prefix_len);

		if (!n->address.family || !up[i])
			continue;
		text_printf(out, "C     %s is directly connected, %s\n", prefix_format(&net, text),
		            n->name);
		text_printf(out, "L     %s/32 is directly connected, %s\n",
		            addr_format(&n->address, addr), n->name);
	}
	for (uint32_t i = 0; i < c->n_routes && c->routes[i].prefix.addr.family == 4; i++)
		if (is_in_force(c, up, &c->routes[i]))
			print_static(&c->routes[i], out);
}

void interface_brief6(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	struct config_address6 six[CONFIG_ADDRESSES6];
	unsigned n = i ? config_addresses6(i, v->info.mac, six) : 0;
	char state[64], addr[ADDR_TEXT];

	snprintf(state, sizeof(state), "[%s/%s]", state_of(c, i, v), protocol_of(c, i, v));
	text_printf(out, "%-26s %s\n", v->name, state);
	if (!n)
		text_printf(out, "    unassigned\n");
	for (unsigned k = 0; k < n; k++)
		text_printf(out, "    %s\n", addr_format(&six[k].addr, addr));
}

void interface_routes6_head(struct text *out)
{
	text_printf(out, "IPv6 Routing Table - default\n"
	                 "Codes: C - Connected, L - Local, S - Static\n");
}

void interface_connected6(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	struct config_address6 six[CONFIG_ADDRESSES6];
	unsigned n = interface_works(c, v) ? config_addresses6(i, v->info.mac, six) : 0;
	char text[PREFIX_TEXT];

	for (unsigned k = 0; k < n; k++) {
		struct ip_prefix net = prefix_make(&six[k].addr, six[k].prefix_len);
		struct ip_prefix host = prefix_host(&six[k].addr);

		if (six[k].link_local)
			continue;
		text_printf(out, "C   %s [0/0]\n     via %s, directly connected\n",
		            prefix_format(&net, text), v->name);
		text_printf(out, "L   %s [0/0]\n     via %s, receive\n", prefix_format(&host, text),
		            v->name);
	}
}

void interface_routes6(const struct config *c, struct text *out)
{
	char prefix[PREFIX_TEXT], hop[ADDR_TEXT];

	for (uint32_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];

		if (r->prefix.addr.family != 6)
			continue;
		text_printf(out, "S   %s [%u/0]\n     via %s%s%s\n",
		            prefix_format(&r->prefix, prefix), r->distance,
		            r->next_hop.family ? addr_format(&r->next_hop, hop) : r->interface,
		            r->next_hop.family && r->interface[0] ? ", " : "",
		            r->next_hop.family ? r->interface : ", directly connected");
	}
}

void interface_neighbors_head(struct text *out)
{
	text_printf(out, "%-39s %4s %-15s %-5s %s\n", "IPv6 Address", "Age", "Link-layer Addr",
	            "State", "Interface");
}

void interface_neighbor(const struct arp_view *v, struct text *out)
{
	static const char *const states[] = {"INCMP", "REACH", "STALE", "PROBE"};
	char addr[ADDR_TEXT];

	text_printf(out, "%-39s %4u ", addr_format(&v->entry.addr, addr),
	            v->entry.age / TICKS_PER_SECOND / 60);
	if (v->entry.complete)
		print_mac(v->entry.mac, out);
	else
		text_printf(out, "%-14s", "-");
	text_printf(out, "  %-5s %s\n", states[v->entry.state], v->iface);
}

void interface_arp_head(struct text *out)
{
	text_printf(out, "%-9s %-15s %-9s %-15s %-6s %s\n", "Protocol", "Address", "Age (min)",
	            "Hardware Addr", "Type", "Interface");
}

void interface_arp(const struct arp_view *v, struct text *out)
{
	char addr[ADDR_TEXT];

	text_printf(out, "%-9s %-15s %9u ", "Internet", addr_format(&v->entry.addr, addr),
	            v->entry.age / TICKS_PER_SECOND / 60);
	if (v->entry.complete)
		print_mac(v->entry.mac, out);
	else
		text_printf(out, "Incomplete    ");
	text_printf(out, "  %-6s %s\n", "ARPA", v->iface);
}
