// IPv6 of interfaces and the box: addresses, MTU, crypto map, routes. Any thread. Access lists are
// commands_acl.c's. Must not let an interface have more addresses than the dataplane takes.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "commands.h"

// Of an EUI-64 address the lower half is not what was entered.
static bool same_address(const struct config_address6 *a, const struct config_address6 *b)
{
	if (a->eui64 != b->eui64)
		return false;
	return a->eui64 ? !memcmp(a->addr.bytes, b->addr.bytes, 8) : addr_equal(&a->addr, &b->addr);
}

static uint32_t find_address(const struct config_interface *i, const struct config_address6 *a)
{
	uint32_t n = 0;

	while (n < i->n_addresses6 && !same_address(&i->addresses6[n], a))
		n++;
	return n;
}

static uint32_t find_link_local(const struct config_interface *i)
{
	uint32_t n = 0;

	while (n < i->n_addresses6 && !i->addresses6[n].link_local)
		n++;
	return n;
}

static int address_remove(struct command_call *call, const struct config_address6 *a)
{
	struct config_interface *i = edit_interface(call);
	uint32_t at = find_address(i, a);

	if (at == i->n_addresses6 || i->addresses6[at].prefix_len != a->prefix_len)
		return command_fail(call, command_arg(call, "addr"),
		                    "there is no such address here");
	array_remove(&i->addresses6, &i->n_addresses6, sizeof(*a), at);
	return 0;
}

static int address_add(struct command_call *call, const struct config_address6 *a)
{
	struct config_interface *i = edit_interface(call);
	uint32_t local = find_link_local(i), at = find_address(i, a);

	if (a->link_local)
		at = local;
	if (at < i->n_addresses6) {
		i->addresses6[at] = *a;
		return 0;
	}
	// One place is the link-local address's, given or made.
	if (!a->link_local && i->n_addresses6 - (local < i->n_addresses6) >= CONFIG_ADDRESSES6 - 1)
		return command_fail(call, command_arg(call, "addr"),
		                    "expected at most %d IPv6 addresses on an interface",
		                    CONFIG_ADDRESSES6 - 1);
	if (!array_push(&i->addresses6, &i->n_addresses6, sizeof(*a), a))
		return edit_no_memory(call);
	return 0;
}

// X:X::X/LEN [eui-64]: what is wrong with it.
static int check_address(struct command_call *call, const struct config_address6 *a)
{
	const struct command_arg *arg = command_arg(call, "addr");
	struct ip_prefix net = prefix_make(&a->addr, a->prefix_len);

	if (addr_is_link_local(&a->addr))
		return command_fail(call, arg,
		                    "a link-local address is entered without a prefix length and "
		                    "with 'link-local'");
	if (!addr_is_host(&a->addr) || a->prefix_len == 0)
		return command_fail(call, arg, "%s is no address of a host", arg->text);
	if (a->eui64 && a->prefix_len > 64)
		return command_fail(
			call, arg,
			"expected a prefix of at most 64 bits: eui-64 makes the other 64");
	if (!a->eui64 && a->prefix_len < 127 && addr_equal(&net.addr, &a->addr))
		edit_notice(call, "%s is the subnet-router anycast address of its network",
		            arg->text);
	return 0;
}

static int address(struct command_call *call)
{
	const struct command_arg *arg = command_arg(call, "addr");
	struct config_interface *i = edit_interface(call);
	struct config_address6 a = {0};

	if (!arg) { // `no ipv6 address`
		array_free(&i->addresses6, &i->n_addresses6, sizeof(*i->addresses6));
		return 0;
	}
	a.addr = arg->addr;
	a.link_local = command_has(call, "link-local");
	a.eui64 = command_has(call, "eui-64");
	a.prefix_len = a.link_local ? 128 : (uint8_t)arg->number;
	if (call->no)
		return address_remove(call, &a);
	if (a.link_local && !addr_is_link_local(&a.addr))
		return command_fail(call, arg, "%s is no link-local address (fe80::/10)",
		                    arg->text);
	if (!a.link_local && check_address(call, &a))
		return -EINVAL;
	return address_add(call, &a);
}

static int enable(struct command_call *call)
{
	edit_interface(call)->ipv6_enable = !call->no;
	return 0;
}

static int mtu(struct command_call *call)
{
	edit_interface(call)->mtu6 = call->no ? 0 : (uint16_t)command_number(call, "n", 0);
	return 0;
}

static int crypto_map(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);

	if (!call->no)
		return edit_copy(call, "name", i->crypto_map6, sizeof(i->crypto_map6));
	if (edit_is_set(call, "name", i->crypto_map6))
		return -EINVAL;
	i->crypto_map6[0] = '\0';
	return 0;
}

static int unicast_routing(struct command_call *call)
{
	edit_of(call)->config->ipv6_unicast_routing = !call->no;
	return 0;
}

static int route(struct command_call *call)
{
	const struct command_arg *prefix = command_arg(call, "prefix"),
				 *hop = command_arg(call, "hop");
	struct config_route new = {
		.prefix = prefix_make(&prefix->addr, (uint8_t)prefix->number),
		.distance = (uint8_t)command_number(call, "distance", 1),
		.line = edit_of(call)->line,
	};

	if (!addr_equal(&new.prefix.addr, &prefix->addr))
		return command_fail(call, prefix, "inconsistent address and prefix length");
	if ((command_has(call, "ifname") &&
	     edit_copy(call, "ifname", new.interface, CONFIG_NAME)) ||
	    (command_has(call, "label") && edit_copy(call, "label", new.label, CONFIG_NAME)))
		return -EINVAL;
	if (hop)
		new.next_hop = hop->addr;
	if (!call->no && hop && !addr_is_host(&hop->addr))
		return command_fail(call, hop, "%s is no address of a next hop", hop->text);
	if (!call->no && hop && addr_is_link_local(&hop->addr) && !new.interface[0])
		return command_fail(call, hop,
		                    "a link-local next hop needs its interface in front of it");
	return edit_route(call, &new);
}

static const struct command_word words[] = {
	{"address", "Configure IPv6 address on interface"},
	{"addr", "IPv6 address, or prefix and its length"},
	{"link-local", "Use link-local address"},
	{"eui-64", "Use eui-64 interface identifier"},
	{"enable", "Enable IPv6 on interface"},
	{"mtu", "Set IPv6 Maximum Transmission Unit"},
	{"n", "MTU (bytes)"},
	{"crypto", "Encryption/Decryption commands"},
	{"map", "Assign a crypto map"},
	{"name", "Name"},
	{"unicast-routing", "Enable unicast routing"},
	{"route", "Configure static routes"},
	{"prefix", "IPv6 prefix"},
	{"hop", "IPv6 address of next-hop"},
	{"ifname", "Interface that it leads through"},
	{"distance", "Administrative distance"},
	{"label", "Name of the route, for people"},
	{"permanent", "Keep the route when its link is down (ignored)"},
	{"tag", "Tag of the route (ignored)"},
	{"tag_", "Tag"},
	{"autoconfig", "Obtain address using autoconfiguration (not active)"},
	{"dhcp", "Obtain an address by DHCP (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command_word ignored_words[] = {
	{"nd", "IPv6 neighbor discovery parameters (ignored)"},
	{"redirects", "Sending of ICMP redirects (ignored)"},
	{"unreachables", "Sending of ICMP unreachables (ignored)"},
	{"virtual-reassembly", "Virtual fragment reassembly (ignored)"},
	{"cef", "Express forwarding (ignored)"},
	{"source-route", "Process packets with routing headers (ignored)"},
	{"hop-limit", "Hop limit of what is sent (ignored)"},
	{"icmp", "ICMP parameters (ignored)"},
	{"host", "Static host names (ignored)"},
	{"neighbor", "Static neighbors (ignored)"},
	{"rest", "Ignored"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"traffic-filter", "Access control list for packets (not active)"},
	{"dhcp", "DHCP for IPv6 (not active)"},
	{"rip", "RIP routing protocol (not active)"},
	{"ospf", "OSPF routing protocol (not active)"},
	{"eigrp", "EIGRP routing protocol (not active)"},
	{"policy", "Policy routing (not active)"},
	{"verify", "Reverse path check (not active)"},
	{"unnumbered", "Use an address of another interface (not active)"},
	{"flow", "Flow export (not active)"},
	{"inspect", "Inspection of traffic (not active)"},
	{"nat", "NAT-PT (not active)"},
	{"pim", "Protocol Independent Multicast (not active)"},
	{"mld", "Multicast Listener Discovery (not active)"},
	{"router", "Enable a routing process (not active)"},
	{"local", "Local address pools and policy (not active)"},
	{"general-prefix", "General IPv6 prefixes (not active)"},
	{"prefix-list", "Prefix lists (not active)"},
	{"multicast-routing", "Enable multicast routing (not active)"},
	{"snooping", "Snooping of neighbor discovery (not active)"},
	{"mobile", "Mobile IPv6 (not active)"},
	{"flowset", "Flow labels of what is sent (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_INTERFACE, "ipv6 address {addr:X:X::X/LEN [eui-64]|addr:X:X::X link-local}",
         "ipv6 address", address, words},
	{MODE_INTERFACE, "ipv6 address {autoconfig|dhcp} [rest:LINE]", "", command_inactive, words},
	{MODE_INTERFACE, "ipv6 enable", "", enable, words},
	{MODE_INTERFACE, "ipv6 mtu n:<1280-9600>", "ipv6 mtu", mtu, words},
	{MODE_INTERFACE, "ipv6 crypto map name:WORD", "ipv6 crypto map", crypto_map, words},
	{MODE_INTERFACE, "ipv6 {redirects|unreachables|virtual-reassembly} [rest:LINE]", "",
         command_ignored, ignored_words},
	{MODE_INTERFACE,
         "ipv6 {traffic-filter|dhcp|rip|ospf|eigrp|policy|verify|unnumbered|"
         "flow|inspect|nat|pim|mld} [rest:LINE]",
         "", command_inactive, inactive_words},
	{MODE_CONFIG, "ipv6 unicast-routing", "", unicast_routing, words},
	{MODE_CONFIG,
         "ipv6 route prefix:X:X::X/LEN {hop:X:X::X|ifname:IFNAME [hop:X:X::X]} "
         "[distance:<1-254>] " ROUTE_MORE,
         "ipv6 route prefix:X:X::X/LEN", route, words},
	{MODE_CONFIG, "ipv6 {cef|source-route|hop-limit|nd|icmp|host|neighbor} [rest:LINE]", "",
         command_ignored, ignored_words},
	{MODE_CONFIG,
         "ipv6 {router|dhcp|local|general-prefix|prefix-list|multicast-routing|"
         "inspect|nat|snooping|mobile|mld|pim|flowset|verify} [rest:LINE]",
         "", command_inactive, inactive_words},
};

const struct command_table commands_ipv6 = {commands, sizeof(commands) / sizeof(commands[0]),
                                            1u << CONFIG_INTERFACE | 1u << CONFIG_ROUTE};
