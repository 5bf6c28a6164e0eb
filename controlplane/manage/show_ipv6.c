// IPv6 interfaces and neighbours in the words of IOS. Helper threads only.
#include "show_ipv6.h"

#include <stdio.h>

#include "addr.h"
#include "nd_message.h"
#include "show_interface.h"
#include "text.h"

// An interface that is down has not asked yet whether somebody else has its addresses.
static enum nd_state state_of(const struct interface_view *v, const struct ip_addr *addr)
{
	for (unsigned i = 0; i < v->n_addresses6; i++)
		if (addr_equal(&v->addresses6[i].addr, addr))
			return (enum nd_state)v->addresses6[i].state;
	return ND_TENTATIVE;
}

static const char *flags_of(const struct interface_view *v, const struct config_address6 *a)
{
	static const char *const flags[2][3] = {
		{" [TEN]", "", " [DUP]"},
		{" [EUI/TEN]", " [EUI]", " [EUI/DUP]"},
	};

	return flags[a->eui64 && !a->link_local][state_of(v, &a->addr)];
}

static void print_link_local(const struct interface_view *v, const struct config_address6 *a,
                             struct text *out)
{
	static const char *const states[] = {"tentative", "enabled", "stalled"};
	char addr[ADDR_TEXT];

	text_printf(out,
	            "  IPv6 is %s, link-local address is %s%s\n"
	            "  No Virtual link-local address(es):\n",
	            states[state_of(v, &a->addr)], addr_format(&a->addr, addr), flags_of(v, a));
}

static void print_global(const struct interface_view *v, const struct config_address6 *six,
                         unsigned n, struct text *out)
{
	char addr[ADDR_TEXT], net[PREFIX_TEXT];
	struct ip_prefix subnet;

	text_printf(out, n ? "  Global unicast address(es):\n"
	                   : "  No global unicast address is configured\n");
	for (unsigned k = 0; k < n; k++) {
		subnet = prefix_make(&six[k].addr, six[k].prefix_len);
		text_printf(out, "    %s, subnet is %s%s\n", addr_format(&six[k].addr, addr),
		            prefix_format(&subnet, net), flags_of(v, &six[k]));
	}
}

static void print_groups(const struct config_address6 *six, unsigned n, bool routes,
                         struct text *out)
{
	struct ip_addr groups[CONFIG_ADDRESSES6];
	char addr[ADDR_TEXT];

	text_printf(out, "  Joined group address(es):\n    ff02::1\n%s",
	            routes ? "    ff02::2\n" : "");
	for (unsigned k = 0, same; k < n; k++) {
		groups[k] = nd_solicited_node(&six[k].addr);
		for (same = 0; !addr_equal(&groups[same], &groups[k]);)
			same++;
		if (same == k)
			text_printf(out, "    %s\n", addr_format(&groups[k], addr));
	}
}

// What hosts are told of this router (RFC 4861, 6.2).
static void print_advert(const struct config_interface *i, struct text *out)
{
	static const char *const preferences[] = {[CONFIG_ROUTER_MEDIUM] = "Medium",
	                                          [CONFIG_ROUTER_HIGH] = "High",
	                                          [CONFIG_ROUTER_LOW] = "Low"};
	const struct config_advert a = config_advert(i);
	bool ms = a.interval % 1000;

	if (a.when == CONFIG_ADVERT_NEVER) {
		text_printf(out, "  ND router advertisements are not sent\n");
		return;
	}
	if (a.when == CONFIG_ADVERT_ASKED)
		text_printf(out, "  ND router advertisements are sent as answers only\n");
	else
		text_printf(out, "  ND router advertisements are sent every %u %s\n",
		            ms ? a.interval : a.interval / 1000, ms ? "milliseconds" : "seconds");
	text_printf(out,
	            "  ND router advertisements live for %u seconds\n"
	            "  ND advertised default router preference is %s\n"
	            "  Hosts use %s for addresses.\n",
	            a.lifetime, preferences[a.preference],
	            a.managed ? "DHCP" : "stateless autoconfig");
	if (a.other)
		text_printf(out, "  Hosts use DHCP to obtain other configuration.\n");
}

void ipv6_interface(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	struct config_address6 six[CONFIG_ADDRESSES6];
	unsigned n = i ? config_addresses6(i, v->info.mac, six) : 0;

	if (!n)
		return;
	text_printf(out, "%s is %s, line protocol is %s\n", v->name, interface_state(c, i, v),
	            interface_protocol(c, i, v));
	print_link_local(v, &six[0], out);
	if (i->description[0])
		text_printf(out, "  Description: %s\n", i->description);
	print_global(v, six + 1, n - 1, out);
	print_groups(six, n, c->ipv6_unicast_routing, out);
	text_printf(out, "  MTU is %u bytes\n", config_interface_mtu6(c, i));
	text_printf(out, "  ND DAD is enabled, number of DAD attempts: 1\n");
	if (c->ipv6_unicast_routing)
		print_advert(i, out);
	if (i->crypto_map6[0])
		text_printf(out, "  Crypto map: %s\n", i->crypto_map6);
}

void ipv6_brief(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	struct config_address6 six[CONFIG_ADDRESSES6];
	unsigned n = i ? config_addresses6(i, v->info.mac, six) : 0;
	char state[64], addr[ADDR_TEXT];

	snprintf(state, sizeof(state), "[%s/%s]", interface_state(c, i, v),
	         interface_protocol(c, i, v));
	text_printf(out, "%-26s %s\n", v->name, state);
	if (!n)
		text_printf(out, "    unassigned\n");
	for (unsigned k = 0; k < n; k++)
		text_printf(out, "    %s\n", addr_format(&six[k].addr, addr));
}

void ipv6_neighbors_head(struct text *out)
{
	text_printf(out, "%-39s %4s %-15s %-5s %s\n", "IPv6 Address", "Age", "Link-layer Addr",
	            "State", "Interface");
}

void ipv6_neighbor(const struct arp_view *v, struct text *out)
{
	static const char *const states[] = {"INCMP", "REACH", "STALE", "PROBE"};
	char addr[ADDR_TEXT];

	text_printf(out, "%-39s %4u ", addr_format(&v->entry.addr, addr),
	            v->entry.age / TICKS_PER_SECOND / 60);
	if (v->entry.complete)
		interface_mac(v->entry.mac, out);
	else
		text_printf(out, "%-14s", "-");
	text_printf(out, "  %-5s %s\n", states[v->entry.state], v->iface);
}
