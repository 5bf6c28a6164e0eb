// `interface`: addresses, MTU, crypto map. Any thread. Must not know which ports exist: that is
// check.c's business.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "commands.h"

static struct config_interface *find(struct config *c, const char *name)
{
	return (struct config_interface *)config_find_interface(c, name); // c is ours to change
}

struct config_interface *edit_interface(const struct command_call *call)
{
	return find(edit_of(call)->config, edit_of(call)->cursor->name);
}

// `no interface`, or `default interface`, which leaves it there with nothing set.
static int interface_remove(struct command_call *call, struct config_interface *old)
{
	struct config *c = edit_of(call)->config;
	struct config_interface new = {.line = edit_of(call)->line};

	memcpy(new.name, old->name, sizeof(new.name));
	config_list_del(c, CONFIG_INTERFACE, old);
	if (!call->is_default)
		return 0;
	if (!config_list_add(c, CONFIG_INTERFACE, &new))
		return edit_no_memory(call);
	edit_notice(call, "interface %s set to default configuration", new.name);
	return 0;
}

static int interface_enter(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_interface new = {.line = e->line};
	struct config_interface *old = find(e->config, command_text(call, "name"));

	if (call->no) {
		if (!old)
			return command_fail(call, command_arg(call, "name"),
			                    "interface %s is not configured",
			                    command_text(call, "name"));
		return interface_remove(call, old);
	}
	if (edit_copy(call, "name", new.name, sizeof(new.name)))
		return -EINVAL;
	if (!old && !config_list_add(e->config, CONFIG_INTERFACE, &new))
		return edit_no_memory(call);
	edit_enter(call, MODE_INTERFACE, new.name, 0);
	return 0;
}

// Whether it has the address and mask of the line.
static bool is_address(const struct command_call *call, const struct config_interface *i)
{
	return addr_equal(&i->address, &command_arg(call, "addr")->addr) &&
	       prefix_len_from_mask(&command_arg(call, "mask")->addr) == i->prefix_len;
}

// Typed, the address is refused at once, as in IOS; in a file a `shutdown` may follow, and check.c
// looks at the whole. Of interfaces that are shut down only one is in use.
static int check_overlap(struct command_call *call, const struct ip_prefix *net)
{
	const struct config *c = edit_of(call)->config;
	const struct config_interface *own = edit_interface(call);
	char text[ADDR_TEXT];

	if (edit_of(call)->line || !config_interface_up(c, own))
		return 0;
	for (const struct config_interface *i = c->interfaces; i < c->interfaces + c->n_interfaces;
	     i++) {
		struct ip_prefix other = prefix_make(&i->address, i->prefix_len);

		if (i == own || !i->address.family || !config_interface_up(c, i) ||
		    (!prefix_covers(net, &other) && !prefix_covers(&other, net)))
			continue;
		return command_fail(call, command_arg(call, "addr"), "%s overlaps with %s",
		                    addr_format(&net->addr, text), i->name);
	}
	return 0;
}

static int address(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);
	const struct command_arg *addr = command_arg(call, "addr");
	struct ip_prefix net;
	uint32_t v, host;
	uint8_t len;

	if (call->no && addr && !is_address(call, i))
		return command_fail(call, addr, "there is no such address here");
	if (call->no) {
		i->address = (struct ip_addr){0};
		i->prefix_len = 0;
		return 0;
	}
	if (edit_mask(call, "mask", &len))
		return -EINVAL;
	v = addr_v4_host(&addr->addr);
	host = len == 32 ? 0 : v & (UINT32_MAX >> len);
	if (v >> 24 == 0 || v >> 24 == 127 || v >= 0xe0000000)
		return command_fail(call, addr, "%s is no address of a host", addr->text);
	if (len == 0 || (len < 31 && (host == 0 || host == UINT32_MAX >> len)))
		return command_fail(call, command_arg(call, "mask"), "bad mask /%u for address %s",
		                    len, addr->text);
	net = prefix_make(&addr->addr, len);
	if (check_overlap(call, &net))
		return -EINVAL;
	i->address = addr->addr;
	i->prefix_len = len;
	i->address_line = edit_of(call)->line;
	return 0;
}

static int mtu(struct command_call *call)
{
	edit_interface(call)->mtu = call->no ? 0 : (uint16_t)command_number(call, "n", 0);
	return 0;
}

static int ip_mtu(struct command_call *call)
{
	edit_interface(call)->ip_mtu = call->no ? 0 : (uint16_t)command_number(call, "n", 0);
	return 0;
}

static int encapsulation(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);
	bool is_sub;

	(void)config_interface_port(edit_of(call)->config, i->name, &is_sub);
	if (!is_sub)
		return command_fail(call, &call->args[0],
		                    "only a subinterface, such as %s.100, has a VLAN", i->name);
	i->vlan = call->no ? 0 : (uint16_t)command_number(call, "vlan", 0);
	i->native = !call->no && command_has(call, "native");
	return 0;
}

static int crypto_map(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);

	if (!call->no)
		return edit_copy(call, "name", i->crypto_map, sizeof(i->crypto_map));
	if (edit_is_set(call, "name", i->crypto_map))
		return -EINVAL;
	i->crypto_map[0] = '\0';
	return 0;
}

static int shut(struct command_call *call)
{
	edit_interface(call)->shutdown = !call->no;
	return 0;
}

static int description(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);

	if (!call->no)
		return edit_copy(call, "text", i->description, sizeof(i->description));
	i->description[0] = '\0';
	return 0;
}

static int speed(struct command_call *call)
{
	unsigned mbit = CONFIG_SPEED_UNSET;

	if (!call->no && command_has(call, "auto"))
		mbit = CONFIG_SPEED_AUTO;
	else if (!call->no && sscanf(call->args[1].text, "%u", &mbit) != 1)
		return command_fail(call, &call->args[1], "expected a number");
	edit_interface(call)->speed = mbit;
	return 0;
}

static int duplex(struct command_call *call)
{
	enum config_duplex d = CONFIG_DUPLEX_AUTO;

	if (call->no)
		d = CONFIG_DUPLEX_UNSET;
	else if (command_has(call, "half") || command_has(call, "half-duplex"))
		d = CONFIG_DUPLEX_HALF;
	else if (command_has(call, "full") || command_has(call, "full-duplex"))
		d = CONFIG_DUPLEX_FULL;
	edit_interface(call)->duplex = d;
	return 0;
}

static uint32_t find_use(const struct config_interface *i, const char *name)
{
	uint32_t n = 0;

	while (n < i->n_ezvpn && strcmp(i->ezvpn[n].name, name))
		n++;
	return n;
}

// Checklist item 36.
static int ezvpn(struct command_call *call)
{
	struct config_interface *i = edit_interface(call);
	struct config_ezvpn_use use = {.inside = command_has(call, "inside")};
	uint32_t at = find_use(i, command_text(call, "name"));

	if (call->no) {
		if (at == i->n_ezvpn)
			return command_fail(call, command_arg(call, "name"), "not configured here");
		array_remove(&i->ezvpn, &i->n_ezvpn, sizeof(use), at);
		return 0;
	}
	if (edit_copy(call, "name", use.name, sizeof(use.name)))
		return -EINVAL;
	if (at < i->n_ezvpn)
		i->ezvpn[at] = use;
	else if (!array_push(&i->ezvpn, &i->n_ezvpn, sizeof(use), &use))
		return edit_no_memory(call);
	if (use.inside)
		edit_notice(call, "Easy VPN Remote is not active in this version");
	else
		edit_warning(call, "Easy VPN Remote is not active in this version: what this "
		                   "tunnel would carry leaves in clear");
	return 0;
}

static const struct command_word words[] = {
	{"interface", "Select an interface to configure"},
	{"name", "Name"},
	{"ipsec", "Configure IPSEC policy"},
	{"address", "Set the IP address of an interface"},
	{"addr", "IP address"},
	{"mask", "IP subnet mask"},
	{"mtu", "Set the interface Maximum Transmission Unit (MTU)"},
	{"n", "MTU size in bytes"},
	{"encapsulation", "Set encapsulation type for an interface"},
	{"dot1Q", "IEEE 802.1Q Virtual LAN"},
	{"vlan", "IEEE 802.1Q VLAN ID"},
	{"native", "Make this the native VLAN: its frames have no tag"},
	{"crypto", "Encryption/Decryption commands"},
	{"map", "Assign a crypto map"},
	{"shutdown", "Shutdown the selected interface"},
	{"text", "Up to 240 characters describing this interface"},
	{"speed", "Configure speed operation (shown, not used)"},
	{"duplex", "Configure duplex operation (shown, not used)"},
	{"half-duplex", "Configure half-duplex operation (shown, not used)"},
	{"full-duplex", "Configure full-duplex operation (shown, not used)"},
	{"10", "Force 10 Mbps operation"},
	{"100", "Force 100 Mbps operation"},
	{"1000", "Force 1 Gbps operation"},
	{"2500", "Force 2.5 Gbps operation"},
	{"5000", "Force 5 Gbps operation"},
	{"10000", "Force 10 Gbps operation"},
	{"25000", "Force 25 Gbps operation"},
	{"40000", "Force 40 Gbps operation"},
	{"50000", "Force 50 Gbps operation"},
	{"100000", "Force 100 Gbps operation"},
	{"200000", "Force 200 Gbps operation"},
	{"400000", "Force 400 Gbps operation"},
	{"auto", "Negotiate"},
	{"half", "Force half duplex operation"},
	{"full", "Force full duplex operation"},
	{"client", "Configure a client"},
	{"ezvpn", "Easy VPN Remote"},
	{"inside", "Inside interface"},
	{"outside", "Outside interface (default)"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"address", "Set the IP address of an interface"},
	{"addr", "IP address"},
	{"mask", "IP subnet mask"},
	{"secondary", "Make this a secondary address (not active)"},
	{"dhcp", "IP address negotiated via DHCP (not active)"},
	{"negotiated", "IP address negotiated over PPP (not active)"},
	{"vrf", "VPN Routing and Forwarding (not active)"},
	{"forwarding", "Forwarding table of the interface (not active)"},
	{"name", "VRF name"},
	{"nat", "NAT of the interface (not active)"},
	{"service", "Service of the interface"},
	{"instance", "Ethernet service instance (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "interface name:IFNAME", "", interface_enter, words},
	{MODE_INTERFACE, "ip address addr:A.B.C.D mask:WILDCARD", "ip address", address, words},
	{MODE_INTERFACE, "ip address addr:A.B.C.D mask:WILDCARD secondary", "", command_inactive,
         inactive_words},
	{MODE_INTERFACE, "ip address {dhcp|negotiated}", "", command_inactive, inactive_words},
	// The upper end is what the dataplane takes (POOL_MTU_MAX).
	{MODE_INTERFACE, "mtu n:<68-9216>", "mtu", mtu, words},
	{MODE_INTERFACE, "ip mtu n:<68-9216>", "ip mtu", ip_mtu, words},
	{MODE_INTERFACE, "encapsulation dot1Q vlan:<1-4094> [native]", "encapsulation",
         encapsulation, words},
	{MODE_INTERFACE, "crypto map name:WORD", "crypto map", crypto_map, words},
	{MODE_INTERFACE, "shutdown", "", shut, words},
	{MODE_INTERFACE, "description text:LINE", "description", description, words},
	{MODE_INTERFACE,
         "speed {10|100|1000|2500|5000|10000|25000|40000|50000|100000|200000|400000|auto}", "speed",
         speed, words},
	{MODE_INTERFACE, "duplex {auto|full|half}", "duplex", duplex, words},
	{MODE_INTERFACE, "half-duplex", "", duplex, words},
	{MODE_INTERFACE, "full-duplex", "", duplex, words},
	{MODE_INTERFACE, "crypto ipsec client ezvpn name:WORD [inside|outside]", "", ezvpn, words},
	{MODE_INTERFACE, "vrf forwarding name:WORD", "vrf forwarding", command_inactive,
         inactive_words},
	{MODE_INTERFACE, "ip vrf forwarding name:WORD", "ip vrf forwarding", command_inactive,
         inactive_words},
	{MODE_INTERFACE, "ip nat rest:LINE", "", command_inactive, inactive_words},
	{MODE_INTERFACE, "service instance rest:LINE", "", command_inactive, inactive_words},
};

const struct command_table commands_interface = {commands, sizeof(commands) / sizeof(commands[0]),
                                                 1u << CONFIG_INTERFACE};
