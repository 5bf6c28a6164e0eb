// Interfaces and the ARP table in the words of IOS. Helper threads only.
#include "show_interface.h"

#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "format.h"
#include "text.h"

const char *interface_state(const struct config *c, const struct config_interface *i,
                            const struct interface_view *v)
{
	if (!i || !config_interface_up(c, i))
		return "administratively down";
	return v->info.link_up ? "up" : "down";
}

const char *interface_protocol(const struct config *c, const struct config_interface *i,
                               const struct interface_view *v)
{
	return i && config_interface_up(c, i) && v->info.link_up ? "up" : "down";
}

void interface_mac(const uint8_t mac[6], struct text *out)
{
	text_printf(out, "%02x%02x.%02x%02x.%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
	            mac[5]);
}

// Of the interface, whatever IP's is.
static unsigned interface_mtu(const struct config *c, const struct config_interface *i)
{
	const struct config_interface *parent = config_interface_main(c, i);

	return i->mtu ? i->mtu : parent && parent->mtu ? parent->mtu : CONFIG_MTU;
}

void interface_print(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	const struct dp_iface_info *n = &v->info;
	char addr[ADDR_TEXT], cleared[FORMAT_TIME];

	text_printf(out, "%s is %s, line protocol is %s \n  Hardware is %s, address is ", v->name,
	            interface_state(c, i, v), interface_protocol(c, i, v),
	            n->driver[0] ? n->driver : "unknown");
	interface_mac(n->mac, out);
	text_printf(out, "\n");
	if (i && i->description[0])
		text_printf(out, "  Description: %s\n", i->description);
	if (i && i->address.family)
		text_printf(out, "  Internet address is %s/%u\n", addr_format(&i->address, addr),
		            i->prefix_len);
	text_printf(out, "  MTU %u bytes", i ? interface_mtu(c, i) : CONFIG_MTU);
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
	            "     %llu input errors, %llu missed\n",
	            (unsigned long long)n->rx_packets, (unsigned long long)n->rx_bytes,
	            (unsigned long long)n->rx_errors, (unsigned long long)n->rx_missed);
	if (n->rx_full)
		text_printf(out, "     %llu times its ring may have been full\n",
		            (unsigned long long)n->rx_full);
	text_printf(out,
	            "     %llu packets output, %llu bytes\n"
	            "     %llu output errors, %llu dropped\n",
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
	            has ? "manual" : "unset", interface_state(c, i, v),
	            interface_protocol(c, i, v));
}

void interface_description_head(struct text *out)
{
	text_printf(out, "%-30s %-14s %-8s %s\n", "Interface", "Status", "Protocol", "Description");
}

void interface_description(const struct config *c, const struct interface_view *v, struct text *out)
{
	const struct config_interface *i = config_find_interface(c, v->name);
	bool down = !i || !config_interface_up(c, i);
	char name[CONFIG_NAME];

	text_printf(out, "%-30s %-14s %-8s %s\n", format_iface_short(v->name, name, sizeof(name)),
	            down ? "admin down" : interface_state(c, i, v), interface_protocol(c, i, v),
	            i ? i->description : "");
}

bool interface_works(const struct config *c, const struct interface_view *v)
{
	const struct config_interface *i = config_find_interface(c, v->name);

	return i && config_interface_up(c, i) && v->info.link_up;
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
		interface_mac(v->entry.mac, out);
	else
		text_printf(out, "Incomplete    ");
	text_printf(out, "  %-6s %s\n", "ARPA", v->iface);
}
