// What hosts on an interface's link are told of this gateway as a router: `ipv6 nd ...` (RFC 4861,
// 6.2.1). Any thread.
#include "addr.h"
#include "commands.h"

static int suppress(struct command_call *call)
{
	edit_interface(call)->advert.when = call->no                   ? CONFIG_ADVERT_ALWAYS
	                                    : command_has(call, "all") ? CONFIG_ADVERT_NEVER
	                                                               : CONFIG_ADVERT_ASKED;
	return 0;
}

// Hosts that forget the router between two of its advertisements are without it for a while.
static void note_lifetime(struct command_call *call)
{
	const struct config_advert a = config_advert(edit_interface(call));

	if (a.lifetime && (uint64_t)a.lifetime * 1000 < a.interval)
		edit_notice(call,
		            "hosts use this router for %u s after an advertisement, the next of "
		            "which may come later",
		            a.lifetime);
}

static int interval(struct command_call *call)
{
	bool ms = command_has(call, "msec");
	uint32_t unit = ms ? 1 : 1000;
	uint32_t longest = (uint32_t)command_number(call, ms ? "ms" : "s", 0) * unit;
	uint32_t shortest = (uint32_t)command_number(call, ms ? "min-ms" : "min-s", 0) * unit;
	struct config_advert *a = &edit_interface(call)->advert;

	if (shortest > longest / 4 * 3)
		return command_fail(call, command_arg(call, ms ? "min-ms" : "min-s"),
		                    "expected at most three quarters of the longest interval");
	a->interval = longest;
	a->interval_min = shortest;
	note_lifetime(call);
	return 0;
}

static int lifetime(struct command_call *call)
{
	struct config_advert *a = &edit_interface(call)->advert;

	a->lifetime_set = !call->no;
	a->lifetime = (uint16_t)command_number(call, "s", 0);
	note_lifetime(call);
	return 0;
}

static int managed(struct command_call *call)
{
	edit_interface(call)->advert.managed = !call->no;
	return 0;
}

static int other(struct command_call *call)
{
	edit_interface(call)->advert.other = !call->no;
	return 0;
}

static int preference(struct command_call *call)
{
	edit_interface(call)->advert.preference = call->no                    ? CONFIG_ROUTER_MEDIUM
	                                          : command_has(call, "high") ? CONFIG_ROUTER_HIGH
	                                          : command_has(call, "low")  ? CONFIG_ROUTER_LOW
	                                                                     : CONFIG_ROUTER_MEDIUM;
	return 0;
}

// ---- prefixes --------------------------------------------------------------------------------

static uint32_t find_prefix(const struct config_interface *i, const struct ip_prefix *prefix)
{
	uint32_t n = 0;

	while (n < i->n_advert_prefixes && !prefix_equal(&i->advert_prefixes[n].prefix, prefix))
		n++;
	return n;
}

// What a line says of its prefix; numbers that are not there are `infinite`.
static struct config_advert_prefix said(const struct command_call *call)
{
	struct config_advert_prefix said = config_advert_prefix(NULL, NULL);

	if (command_has(call, "valid") || command_has(call, "infinite")) {
		said.valid = (uint32_t)command_number(call, "valid", UINT32_MAX);
		said.preferred = (uint32_t)command_number(call, "preferred", UINT32_MAX);
	}
	said.hidden = command_has(call, "no-advertise");
	said.off_link = command_has(call, "off-link");
	said.no_autoconfig = command_has(call, "no-autoconfig");
	return said;
}

static int prefix_remove(struct command_call *call, uint32_t at)
{
	struct config_interface *i = edit_interface(call);

	if (at == i->n_advert_prefixes)
		return command_fail(call, command_arg(call, "net"), "there is no such prefix here");
	array_remove(&i->advert_prefixes, &i->n_advert_prefixes, sizeof(*i->advert_prefixes), at);
	return 0;
}

static int prefix(struct command_call *call)
{
	const struct command_arg *arg = command_arg(call, "net");
	struct config_advert_prefix new = said(call);
	struct config_interface *i = edit_interface(call);
	uint32_t at;

	if (arg) {
		new.prefix = prefix_make(&arg->addr, (uint8_t)arg->number);
		if (!addr_equal(&new.prefix.addr, &arg->addr))
			return command_fail(call, arg, "inconsistent address and prefix length");
		if (addr_is_link_local(&arg->addr) || arg->addr.bytes[0] == 0xff)
			return command_fail(call, arg, "%s is no prefix of a link", arg->text);
	}
	at = find_prefix(i, &new.prefix);
	if (call->no)
		return prefix_remove(call, at);
	if (new.preferred > new.valid)
		return command_fail(call, command_arg(call, "preferred"),
		                    "expected a preferred lifetime of at most the valid one");
	if (at < i->n_advert_prefixes) {
		i->advert_prefixes[at] = new;
		return 0;
	}
	if (i->n_advert_prefixes >= CONFIG_ADVERT_PREFIXES)
		return command_fail(call, arg, "expected at most %d prefixes on an interface",
		                    CONFIG_ADVERT_PREFIXES);
	return array_push(&i->advert_prefixes, &i->n_advert_prefixes, sizeof(new), &new)
	               ? 0
	               : edit_no_memory(call);
}

static const struct command_word words[] = {
	{"nd", "IPv6 neighbor discovery"},
	{"ra", "Router advertisements"},
	{"suppress", "Send none but as answers"},
	{"suppress-ra", "Send none but as answers (older form of 'ra suppress')"},
	{"all", "Send no answers either"},
	{"interval", "Time between router advertisements"},
	{"ra-interval", "Older form of 'ra interval'"},
	{"ra-lifetime", "Older form of 'ra lifetime'"},
	{"s", "Seconds"},
	{"min-s", "Shortest time (seconds)"},
	{"msec", "In milliseconds"},
	{"ms", "Milliseconds"},
	{"min-ms", "Shortest time (milliseconds)"},
	{"lifetime", "How long hosts may use this router by default, 0 = they may not"},
	{"managed-config-flag", "Hosts get their addresses by DHCPv6"},
	{"other-config-flag", "Hosts get other things than addresses by DHCPv6"},
	{"router-preference", "Preference among default routers"},
	{"high", "High preference"},
	{"medium", "Medium preference"},
	{"low", "Low preference"},
	{"prefix", "What is said of a prefix"},
	{"net", "IPv6 prefix"},
	{"default", "What is said of prefixes that have no line"},
	{"valid", "Valid lifetime (seconds)"},
	{"preferred", "Preferred lifetime (seconds)"},
	{"infinite", "For ever"},
	{"off-link", "Hosts of it are not on this link"},
	{"no-autoconfig", "Hosts make no addresses of it"},
	{"no-advertise", "Do not tell of it"},
	{"dns", "DNS servers (ignored)"},
	{"hop-limit", "Hop limit that hosts use (ignored)"},
	{"mtu", "MTU option (ignored)"},
	{"solicited", "How answers are sent (ignored)"},
	{"advertisement-interval", "Interval option (ignored)"},
	{"autoconfig", "Automatic configuration (ignored)"},
	{"cache", "Neighbor cache (ignored)"},
	{"dad", "Duplicate address detection (ignored)"},
	{"destination-guard", "Destination guard (ignored)"},
	{"inspection", "Inspection of neighbor discovery (ignored)"},
	{"na", "Neighbor advertisements (ignored)"},
	{"ns-interval", "Interval of solicitations (ignored)"},
	{"nud", "Neighbor unreachability detection (ignored)"},
	{"raguard", "RA guard (ignored)"},
	{"reachable-time", "Reachable time (ignored)"},
	{"secured", "Secure neighbor discovery (ignored)"},
	{"rest", "Ignored"},
	{NULL, NULL},
};

#define INTERVAL "{s:<4-1800> [min-s:<3-1350>]|msec ms:<70-1800000> [min-ms:<30-1350000>]}"

static const struct command commands[] = {
	{MODE_INTERFACE, "ipv6 nd ra suppress [all]", "ipv6 nd ra suppress", suppress, words},
	{MODE_INTERFACE, "ipv6 nd suppress-ra", "", suppress, words},
	{MODE_INTERFACE, "ipv6 nd ra interval " INTERVAL, "ipv6 nd ra interval", interval, words},
	{MODE_INTERFACE, "ipv6 nd ra-interval " INTERVAL, "ipv6 nd ra-interval", interval, words},
	{MODE_INTERFACE, "ipv6 nd ra lifetime s:<0-9000>", "ipv6 nd ra lifetime", lifetime, words},
	{MODE_INTERFACE, "ipv6 nd ra-lifetime s:<0-9000>", "ipv6 nd ra-lifetime", lifetime, words},
	{MODE_INTERFACE, "ipv6 nd managed-config-flag", "", managed, words},
	{MODE_INTERFACE, "ipv6 nd other-config-flag", "", other, words},
	{MODE_INTERFACE, "ipv6 nd router-preference {high|medium|low}", "ipv6 nd router-preference",
         preference, words},
	{MODE_INTERFACE,
         "ipv6 nd prefix {net:X:X::X/LEN|default} [no-advertise|"
         "{valid:<0-4294967294>|infinite} {preferred:<0-4294967294>|infinite} "
         "[off-link] [no-autoconfig]]",
         "ipv6 nd prefix {net:X:X::X/LEN|default}", prefix, words},
	{MODE_INTERFACE, "ipv6 nd ra {dns|hop-limit|mtu|solicited} [rest:LINE]", "",
         command_ignored, words},
	{MODE_INTERFACE,
         "ipv6 nd {advertisement-interval|autoconfig|cache|dad|destination-guard|inspection|na|"
         "ns-interval|nud|raguard|reachable-time|secured} [rest:LINE]",
         "", command_ignored, words},
	// What it does not know, global mode would take for its own `ipv6 nd`, and leave for that.
	{MODE_INTERFACE, "ipv6 nd rest:LINE", "", command_ignored, words},
};

const struct command_table commands_advert = {commands, sizeof(commands) / sizeof(commands[0]),
                                              1u << CONFIG_INTERFACE};
