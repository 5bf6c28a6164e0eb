// Extended access lists, numbered and named. Any thread. Masks are wildcards: a set bit is not
// compared. What IKE cannot express is still kept, since only a crypto map makes it matter.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl_index.h"
#include "addr.h"
#include "commands.h"

#define SEQ_MAX  2147483647u
#define SEQ_STEP 10

#define ICMP 1
#define IGMP 2

struct named_number {
	const char *name;
	uint16_t number;
};

static const struct named_number protocols[] = {
	{"ip", 0},    {"icmp", 1}, {"igmp", 2},  {"ipinip", 4}, {"tcp", 6},
	{"udp", 17},  {"gre", 47}, {"esp", 50},  {"ahp", 51},   {"eigrp", 88},
	{"ospf", 89}, {"nos", 94}, {"pim", 103}, {"pcp", 108},  {"sctp", 132},
};

// Of IPv6 access lists, where `icmp` is ICMPv6.
static const struct named_number protocols6[] = {
	{"ipv6", 0}, {"icmp", 58}, {"tcp", 6},   {"udp", 17},
	{"esp", 50}, {"ahp", 51},  {"pcp", 108}, {"sctp", 132},
};

// IOS's names; those of tcp and udp differ, but no name has two numbers.
static const struct named_number ports[] = {
	{"echo", 7},          {"discard", 9},      {"daytime", 13},
	{"chargen", 19},      {"ftp-data", 20},    {"ftp", 21},
	{"telnet", 23},       {"smtp", 25},        {"time", 37},
	{"nameserver", 42},   {"whois", 43},       {"tacacs", 49},
	{"domain", 53},       {"bootps", 67},      {"bootpc", 68},
	{"tftp", 69},         {"gopher", 70},      {"finger", 79},
	{"www", 80},          {"hostname", 101},   {"pop2", 109},
	{"pop3", 110},        {"sunrpc", 111},     {"ident", 113},
	{"nntp", 119},        {"ntp", 123},        {"netbios-ns", 137},
	{"netbios-dgm", 138}, {"netbios-ss", 139}, {"snmp", 161},
	{"snmptrap", 162},    {"xdmcp", 177},      {"bgp", 179},
	{"irc", 194},         {"dnsix", 195},      {"mobile-ip", 434},
	{"pim-auto-rp", 496}, {"isakmp", 500},     {"exec", 512},
	{"biff", 512},        {"login", 513},      {"who", 513},
	{"cmd", 514},         {"syslog", 514},     {"lpd", 515},
	{"talk", 517},        {"rip", 520},        {"uucp", 540},
	{"klogin", 543},      {"kshell", 544},     {"non500-isakmp", 4500},
};

#define PORT_NAMES                                                                                 \
	"echo|discard|daytime|chargen|ftp-data|ftp|telnet|smtp|time|nameserver|whois|"             \
	"tacacs|domain|bootps|bootpc|tftp|gopher|finger|www|hostname|pop2|pop3|sunrpc|"            \
	"ident|nntp|ntp|netbios-ns|netbios-dgm|netbios-ss|snmp|snmptrap|xdmcp|bgp|irc|"            \
	"dnsix|mobile-ip|pim-auto-rp|isakmp|exec|biff|login|who|cmd|syslog|lpd|talk|"              \
	"rip|uucp|klogin|kshell|non500-isakmp"
#define PORT  "{port:<0-65535>|" PORT_NAMES "}"
#define PORTS "[{eq|gt|lt|neq} " PORT "|range " PORT " " PORT "]"
#define END   "{any|host address:A.B.C.D|address:A.B.C.D wildcard:WILDCARD}"
#define LINE                                                                                       \
	"{permit|deny} {{tcp|udp} " END " " PORTS " " END " " PORTS                                \
	"|{ip|icmp|igmp|ipinip|gre|esp|ahp|eigrp|ospf|nos|pim|pcp|sctp|protocol:<0-255>} " END     \
	" " END "} [log] [more:LINE]"
#define END6     "{any|host address:X:X::X|address:X:X::X/LEN}"
#define SEQUENCE "[sequence seq:<1-2147483647>]"
#define LINE6                                                                                      \
	"{permit|deny} {{tcp|udp} " END6 " " PORTS " " END6 " " PORTS                              \
	"|{ipv6|icmp|esp|ahp|pcp|sctp|protocol:<0-255>} " END6 " " END6 "} [log] " SEQUENCE
#define NUMBER "{id:<100-199>|id:<2000-2699>}"

// Reads the arguments of a line from left to right.
struct args {
	const struct command_call *call;
	unsigned at;
	bool ipv6; // of an IPv6 access list
};

static const struct command_arg *peek(const struct args *a)
{
	return a->at < a->call->n_args ? &a->call->args[a->at] : NULL;
}

static bool next_is(struct args *a, const char *name)
{
	const struct command_arg *arg = peek(a);

	if (!arg || strcmp(arg->name, name))
		return false;
	a->at++;
	return true;
}

static bool find_named(const struct named_number *table, unsigned n, const char *name,
                       uint16_t *number)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(table[i].name, name)) {
			*number = table[i].number;
			return true;
		}
	return false;
}

// The names of a kind of access list; *n is their number.
static const struct named_number *protocol_names(bool ipv6, unsigned *n)
{
	*n = ipv6 ? sizeof(protocols6) / sizeof(protocols6[0])
	          : sizeof(protocols) / sizeof(protocols[0]);
	return ipv6 ? protocols6 : protocols;
}

const char *commands_protocol_name(uint8_t protocol, bool ipv6)
{
	const struct named_number *names;
	unsigned n;

	names = protocol_names(ipv6, &n);
	for (unsigned i = 0; i < n; i++)
		if (names[i].number == protocol)
			return names[i].name;
	return NULL;
}

static uint16_t take_port(struct args *a)
{
	const struct command_arg *arg = peek(a);
	uint16_t number = 0;

	a->at++;
	if (!strcmp(arg->name, "port"))
		return (uint16_t)arg->number;
	find_named(ports, sizeof(ports) / sizeof(ports[0]), arg->name, &number);
	return number;
}

static void take_address6(struct args *a, struct config_acl_end *end)
{
	struct ip_prefix p = {.addr = {.family = 6}};

	if (next_is(a, "host")) {
		p = prefix_host(&peek(a)->addr);
		a->at++;
	} else if (!next_is(a, "any")) {
		p = prefix_make(&peek(a)->addr, (uint8_t)peek(a)->number);
		a->at++;
	}
	end->address = p.addr;
	end->wildcard = prefix_wildcard(6, p.len);
}

static void take_address(struct args *a, struct config_acl_end *end)
{
	uint32_t v = 0, wildcard = 0;

	if (a->ipv6) {
		take_address6(a, end);
		return;
	}
	if (next_is(a, "any")) {
		wildcard = UINT32_MAX;
	} else if (next_is(a, "host")) {
		v = addr_v4_host(&peek(a)->addr);
		a->at++;
	} else {
		v = addr_v4_host(&peek(a)->addr);
		a->at++;
		wildcard = addr_v4_host(&peek(a)->addr);
		a->at++;
	}
	end->address = addr_v4(v & ~wildcard);
	end->wildcard = addr_v4(wildcard);
}

static int take_ports(struct command_call *call, struct args *a, struct config_acl_end *end)
{
	static const char *const ops[] = {"", "eq", "neq", "lt", "gt", "range"};
	const struct command_arg *at = peek(a);

	for (unsigned op = CONFIG_PORT_EQ; op <= CONFIG_PORT_RANGE; op++) {
		if (!next_is(a, ops[op]))
			continue;
		end->op = (enum config_port_op)op;
		end->port = take_port(a);
		if (op != CONFIG_PORT_RANGE)
			return 0;
		end->port_high = take_port(a);
		if (end->port > end->port_high)
			return command_fail(call, at, "expected the lower port of the range first");
	}
	return 0;
}

// Several ports behind `eq` or `neq`.
static bool is_port(const char *text, size_t len)
{
	if (strspn(text, "0123456789") == len)
		return len < 6 && strtoul(text, NULL, 10) <= UINT16_MAX;
	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (len == strlen(ports[i].name) && !strncmp(text, ports[i].name, len))
			return true;
	return false;
}

// What may stand behind the destination: a misspelt word must not pass for it. That of ICMP and
// IGMP is the name of a message, of which there are dozens, or its number.
static bool is_option(const struct config_acl_line *line, const char *text)
{
	static const char *const words[] = {
		"ack",        "dscp",      "established", "fin",       "fragments",
		"log",        "log-input", "match-all",   "match-any", "option",
		"precedence", "psh",       "reflect",     "rst",       "syn",
		"time-range", "tos",       "ttl",         "urg",
	};
	enum config_port_op op = line->destination.op;
	size_t len = strcspn(text, " \t");

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len == strlen(words[i]) && !strncmp(text, words[i], len))
			return true;
	return line->protocol == ICMP || line->protocol == IGMP ||
	       ((op == CONFIG_PORT_EQ || op == CONFIG_PORT_NEQ) && is_port(text, len));
}

static int take_option(struct command_call *call, struct args *a, struct config_acl_line *line)
{
	const struct command_arg *arg = peek(a);

	if (!arg || strcmp(arg->name, "more"))
		return 0;
	a->at++;
	if (strlen(arg->text) >= CONFIG_TEXT)
		return command_fail(call, arg, "longer than %u characters", CONFIG_TEXT - 1);
	if (!is_option(line, arg->text))
		return command_fail(call, arg,
		                    "expected an option of an access list, such as log, "
		                    "established or dscp");
	line->text = strdup(arg->text);
	return line->text ? 0 : edit_no_memory(call);
}

// From permit or deny on. The syntax string is what makes the arguments' order certain.
// line->text is line_apply()'s to free then.
static int take_line(struct command_call *call, struct args *a, struct config_acl_line *line)
{
	const struct named_number *names;
	const struct command_arg *arg;
	uint16_t number = 0;
	unsigned n;

	names = protocol_names(a->ipv6, &n);
	line->action = next_is(a, "permit") ? CONFIG_ACL_PERMIT : CONFIG_ACL_DENY;
	if (line->action == CONFIG_ACL_DENY)
		a->at++;
	arg = peek(a);
	a->at++;
	if (!strcmp(arg->name, "protocol"))
		number = (uint16_t)arg->number;
	else
		find_named(names, n, arg->name, &number);
	line->protocol = (uint8_t)number;
	take_address(a, &line->source);
	if (take_ports(call, a, &line->source))
		return -EINVAL;
	take_address(a, &line->destination);
	if (take_ports(call, a, &line->destination))
		return -EINVAL;
	if (next_is(a, "log"))
		edit_notice(call, "log is ignored here");
	return take_option(call, a, line);
}

static struct config_acl *find_acl(struct config *c, const char *name)
{
	return (struct config_acl *)config_find_acl(c, name); // c is ours to change
}

static struct config_acl *make_acl(struct command_call *call, const char *name, bool ipv6)
{
	struct edit *e = edit_of(call);
	struct config_acl new = {.ipv6 = ipv6, .line = e->line}, *old = find_acl(e->config, name);

	if (old)
		return old;
	snprintf(new.name, sizeof(new.name), "%s", name);
	return config_list_add(e->config, CONFIG_ACL, &new);
}

// The largest sequence number of a permit or deny, 0 = there is none.
static uint32_t last_seq(struct config_acl *acl)
{
	struct sorted lines = config_acl_sorted(acl);
	struct config_acl_line key = {.seq = SEQ_MAX + 1u};
	const struct config_acl_line *l = sorted_before(&lines, &key);

	while (l && l->action == CONFIG_ACL_REMARK) { // over all of this number at once
		key = (struct config_acl_line){.seq = l->seq, .action = CONFIG_ACL_REMARK};
		l = sorted_before(&lines, &key);
	}
	return l ? l->seq : 0;
}

// The remark's place: below those that its number has already.
static uint32_t next_note(struct config_acl *acl, uint32_t seq)
{
	struct sorted lines = config_acl_sorted(acl);
	struct config_acl_line key = {.seq = seq};
	const struct config_acl_line *l = sorted_before(&lines, &key);

	return l && l->seq == seq ? l->note + 1 : 1;
}

// A line that is there already, typed with another number: as in IOS nothing changes. In front of
// the old one it may be meant to be moved.
static int line_repeated(struct command_call *call, const struct config_acl_line *line,
                         const struct config_acl_line *old)
{
	if (line->seq < old->seq)
		edit_notice(call, "line %u is ignored: line %u is the same, to move it remove it",
		            line->seq, old->seq);
	else
		edit_notice(call, "line %u is ignored: line %u is the same and decides first",
		            line->seq, old->seq);
	return 0;
}

// seq 0 = behind the last line. A remark gets the number that the next line will have, and does not
// use it up.
static int choose_seq(struct command_call *call, struct config_acl *acl,
                      struct config_acl_line *line)
{
	uint32_t last = acl ? last_seq(acl) : 0;

	if (line->seq)
		return 0;
	if (last > SEQ_MAX - SEQ_STEP)
		return command_fail(call, NULL, "no sequence number is left");
	line->seq = last / SEQ_STEP * SEQ_STEP + SEQ_STEP;
	return 0;
}

static int line_insert(struct command_call *call, const char *name, struct config_acl_line *line)
{
	struct config_acl *acl = make_acl(call, name, edit_of(call)->cursor->mode == MODE_IPV6_ACL);
	struct sorted lines;

	if (!acl)
		return edit_no_memory(call);
	lines = config_acl_sorted(acl);
	if (!sorted_insert(&lines, line))
		return edit_no_memory(call);
	acl_index_note(acl, line);
	line->text = NULL; // the list's now
	return 0;
}

// Typed with the number that it has.
static bool remark_repeated(const struct config_acl *acl, const struct config_acl_line *line)
{
	for (uint32_t i = 0; i < acl->n_lines; i++)
		if (config_acl_line_equal(&acl->lines[i], line))
			return true;
	return false;
}

// A configuration may be pasted twice, and its remarks are not to be there twice then. Those
// without a number are, and those of a file, since a line of dashes may be meant to.
static int remark_add(struct command_call *call, const char *name, struct config_acl_line *line)
{
	struct config_acl *acl = find_acl(edit_of(call)->config, name);

	if (acl && line->seq && !edit_of(call)->line && remark_repeated(acl, line))
		return 0;
	if (choose_seq(call, acl, line))
		return -EINVAL;
	line->note = acl ? next_note(acl, line->seq) : 1;
	line->line = edit_of(call)->line;
	return line_insert(call, name, line);
}

// As in IOS a line that is there already is not added again.
static int line_add(struct command_call *call, const char *name, struct config_acl_line *line)
{
	struct config_acl *acl = find_acl(edit_of(call)->config, name);
	const struct config_acl_line *same = NULL, *there = NULL;

	if (acl)
		same = acl_index_find(acl, line, edit_of(call)->line); // a file's, not one typed
	if (acl && line->seq) {
		struct sorted lines = config_acl_sorted(acl);

		there = sorted_find(&lines, line);
	}
	if ((same && !line->seq) || (there && config_acl_line_same(there, line)))
		return 0;
	if (there)
		return command_fail(call, command_arg(call, "seq"), "duplicate sequence number %u",
		                    line->seq);
	if (same)
		return line_repeated(call, line, same);
	if (choose_seq(call, acl, line))
		return -EINVAL;
	line->line = edit_of(call)->line;
	return line_insert(call, name, line);
}

// The line that has the number and the content, of which one may be missing. A number alone takes
// the remarks along.
static int line_remove(struct command_call *call, const char *name,
                       const struct config_acl_line *line)
{
	struct config_acl *acl = find_acl(edit_of(call)->config, name);
	bool content = command_has(call, "permit") || command_has(call, "deny") ||
	               command_has(call, "remark");
	bool found = false;
	uint32_t i = 0;

	while (acl && i < acl->n_lines && !(found && content)) {
		struct sorted lines = config_acl_sorted(acl);

		if ((line->seq && acl->lines[i].seq != line->seq) ||
		    (content && !config_acl_line_same(&acl->lines[i], line))) {
			i++;
			continue;
		}
		free(acl->lines[i].text);
		sorted_remove(&lines, i, 1);
		acl_index_drop(acl);
		found = true;
	}
	return found ? 0 : command_fail(call, NULL, "there is no such line");
}

// Takes line->text along.
static int line_apply(struct command_call *call, const char *name, struct config_acl_line *line)
{
	int err;

	if (call->no)
		err = line_remove(call, name, line);
	else if (line->action == CONFIG_ACL_REMARK)
		err = remark_add(call, name, line);
	else
		err = line_add(call, name, line);
	free(line->text);
	return err;
}

static int remark(struct command_call *call, const char *name)
{
	const struct command_arg *arg = command_arg(call, "text");
	const char *text = arg ? arg->text : "";
	struct config_acl_line line = {
		.seq = (uint32_t)command_number(call, "seq", 0),
		.action = CONFIG_ACL_REMARK,
	};

	if (strlen(text) >= CONFIG_TEXT)
		return command_fail(call, arg, "too long: expected at most %d bytes",
		                    CONFIG_TEXT - 1);
	line.text = strdup(text);
	if (!line.text)
		return edit_no_memory(call);
	return line_apply(call, name, &line);
}

static int numbered(struct command_call *call)
{
	char name[16]; // as it is shown: "0101" is list 101
	struct args a = {call, 0};
	struct config_acl_line line = {0};
	struct config_acl *acl;

	snprintf(name, sizeof(name), "%u", (unsigned)command_number(call, "id", 0));
	if (command_has(call, "remark"))
		return remark(call, name);
	while (strcmp(a.call->args[a.at].name, "id"))
		a.at++;
	a.at++;
	if (peek(&a)) {
		if (take_line(call, &a, &line))
			return -EINVAL;
		return line_apply(call, name, &line);
	}
	acl = find_acl(edit_of(call)->config, name); // `no access-list 101`
	if (!acl)
		return command_fail(call, command_arg(call, "id"),
		                    "access list %s is not configured", name);
	config_list_del(edit_of(call)->config, CONFIG_ACL, acl);
	return 0;
}

static bool extended_name(const char *name)
{
	unsigned long n = strtoul(name, NULL, 10);

	if (strspn(name, "0123456789") != strlen(name))
		return true;
	return strlen(name) < 5 && ((n >= 100 && n <= 199) || (n >= 2000 && n <= 2699)) &&
	       name[0] != '0';
}

static int enter(struct command_call *call, bool ipv6)
{
	const struct command_arg *name = command_arg(call, "name");
	struct config *c = edit_of(call)->config;
	struct config_acl *old = find_acl(c, name->text);

	if (call->no) {
		if (!old || old->ipv6 != ipv6)
			return command_fail(call, name, "access list %s is not configured",
			                    name->text);
		config_list_del(c, CONFIG_ACL, old);
		return 0;
	}
	if (old && old->ipv6 != ipv6)
		return command_fail(call, name, "%s is the name of an %s access list already",
		                    name->text, old->ipv6 ? "IPv6" : "IPv4");
	if (!make_acl(call, name->text, ipv6))
		return edit_no_memory(call);
	edit_enter(call, ipv6 ? MODE_IPV6_ACL : MODE_ACL, name->text, 0);
	return 0;
}

static int named(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");

	if (!call->no && !extended_name(name->text))
		return command_fail(call, name, "expected <100-199>, <2000-2699> or a name");
	return enter(call, false);
}

static int named6(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");

	if (name->text[0] >= '0' && name->text[0] <= '9')
		return command_fail(call, name, "expected a name that begins with no digit");
	return enter(call, true);
}

static int named_line(struct command_call *call)
{
	const char *name = edit_of(call)->cursor->name;
	struct config_acl_line line = {.seq = (uint32_t)command_number(call, "seq", 0)};
	struct args a = {call, call->no ? 1 : 0};

	if (command_has(call, "remark"))
		return remark(call, name);
	next_is(&a, "seq");
	if (peek(&a) && take_line(call, &a, &line))
		return -EINVAL;
	return line_apply(call, name, &line);
}

static int named6_line(struct command_call *call)
{
	const char *name = edit_of(call)->cursor->name;
	struct config_acl_line line = {.seq = (uint32_t)command_number(call, "seq", 0)};
	struct args a = {.call = call, .at = call->no ? 1 : 0, .ipv6 = true};

	if (command_has(call, "remark"))
		return remark(call, name);
	if (next_is(&a, "sequence"))
		a.at++;
	if (peek(&a) && take_line(call, &a, &line))
		return -EINVAL;
	return line_apply(call, name, &line);
}

static const struct command_word words[] = {
	{"id", "IP extended access list number"},
	{"extended", "Extended Access List"},
	{"name", "Access-list name or number"},
	{"seq", "Sequence Number"},
	{"text", "Comment up to 240 characters"},
	{"protocol", "An IP protocol number"},
	{"address", "Address"},
	{"wildcard", "Wildcard bits: a set bit is not compared"},
	{"port", "Port number"},
	{"ip", "Any Internet Protocol"},
	{"icmp", "Internet Control Message Protocol"},
	{"tcp", "Transmission Control Protocol"},
	{"udp", "User Datagram Protocol"},
	{"gre", "Cisco's GRE tunneling"},
	{"esp", "Encapsulation Security Payload"},
	{"ahp", "Authentication Header Protocol"},
	{"ipv6", "Any IPv6"},
	{"sequence", "Sequence number for this entry"},
	{"log", "Log matches against this entry (ignored here)"},
	{"host", "A single host"},
	{"access-list", "Add an access list entry"},
	{"igmp", "Internet Gateway Message Protocol"},
	{"ipinip", "IP in IP tunneling"},
	{"eigrp", "Cisco's EIGRP routing protocol"},
	{"ospf", "OSPF routing protocol"},
	{"nos", "KA9Q NOS compatible IP over IP tunneling"},
	{"pim", "Protocol Independent Multicast"},
	{"pcp", "Payload Compression Protocol"},
	{"sctp", "Stream Control Transmission Protocol"},
	{"echo", "Echo (7)"},
	{"discard", "Discard (9)"},
	{"daytime", "Daytime (13)"},
	{"chargen", "Character generator (19)"},
	{"ftp-data", "FTP data connections (20)"},
	{"ftp", "File Transfer Protocol (21)"},
	{"telnet", "Telnet (23)"},
	{"smtp", "Simple Mail Transport Protocol (25)"},
	{"time", "Time (37)"},
	{"whois", "Nicname (43)"},
	{"tacacs", "TAC Access Control System (49)"},
	{"domain", "Domain Name Service (DNS, 53)"},
	{"bootps", "Bootstrap Protocol (BOOTP) server (67)"},
	{"bootpc", "Bootstrap Protocol (BOOTP) client (68)"},
	{"tftp", "Trivial File Transfer Protocol (69)"},
	{"gopher", "Gopher (70)"},
	{"finger", "Finger (79)"},
	{"www", "World Wide Web (HTTP, 80)"},
	{"hostname", "NIC hostname server (101)"},
	{"pop2", "Post Office Protocol v2 (109)"},
	{"pop3", "Post Office Protocol v3 (110)"},
	{"sunrpc", "Sun Remote Procedure Call (111)"},
	{"ident", "Ident Protocol (113)"},
	{"nntp", "Network News Transport Protocol (119)"},
	{"ntp", "Network Time Protocol (123)"},
	{"netbios-ns", "NetBios name service (137)"},
	{"netbios-dgm", "NetBios datagram service (138)"},
	{"netbios-ss", "NetBios session service (139)"},
	{"snmp", "Simple Network Management Protocol (161)"},
	{"snmptrap", "SNMP Traps (162)"},
	{"xdmcp", "X Display Manager Control Protocol (177)"},
	{"bgp", "Border Gateway Protocol (179)"},
	{"irc", "Internet Relay Chat (194)"},
	{"isakmp", "Internet Security Association and Key Management Protocol (500)"},
	{"exec", "Exec (rsh, 512)"},
	{"login", "Login (rlogin, 513)"},
	{"cmd", "Remote commands (rcmd, 514)"},
	{"lpd", "Printer service (515)"},
	{"talk", "Talk (517)"},
	{"rip", "Routing Information Protocol (520)"},
	{"non500-isakmp", "ISAKMP and ESP behind a NAT (4500)"},
	{"nameserver", "Host Name Server (42)"},
	{"dnsix", "DNSIX Security Protocol Auditing (195)"},
	{"mobile-ip", "Mobile IP registration (434)"},
	{"pim-auto-rp", "PIM Auto-RP (496)"},
	{"biff", "Biff (mail notification, 512)"},
	{"who", "Who (rwho, 513)"},
	{"syslog", "System Logger (514)"},
	{"uucp", "Unix-to-Unix Copy Program (540)"},
	{"klogin", "Kerberos login (543)"},
	{"kshell", "Kerberos shell (544)"},
	{"more",
         "More ports, an ICMP message, established, fragments, dscp, ... (not for a crypto map)"},
	{NULL, NULL},
};

static const struct command_word ip_words[] = {
	{"access-list", "Named access-list"},
	{"extended", "Extended Access List"},
	{"name", "Access-list name or number"},
	{"standard", "Standard Access List (not active)"},
	{"resequence", "Resequence Access List (not active)"},
	{"role-based", "Role-based Access List (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command_word ipv6_words[] = {
	{"access-list", "Configure access lists"},
	{"name", "User selected string identifying this access list"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "access-list " NUMBER " " LINE, "access-list " NUMBER, numbered, words},
	{MODE_CONFIG, "access-list " NUMBER " remark [text:LINE]", "", numbered, words},
	{MODE_CONFIG, "ip access-list extended name:WORD", "", named, ip_words},
	{MODE_CONFIG, "ip access-list {standard|resequence|role-based} rest:LINE", "",
         command_inactive, ip_words},
	{MODE_ACL, "[seq:<1-2147483647>] " LINE, "seq:<1-2147483647>", named_line, words},
	{MODE_ACL, "[seq:<1-2147483647>] remark [text:LINE]", "", named_line, words},
	{MODE_CONFIG, "ipv6 access-list name:WORD", "", named6, ipv6_words},
	{MODE_IPV6_ACL, SEQUENCE " " LINE6, "sequence seq:<1-2147483647>", named6_line, words},
	{MODE_IPV6_ACL, SEQUENCE " remark [text:LINE]", "", named6_line, words},
};

const struct command_table commands_acl = {commands, sizeof(commands) / sizeof(commands[0]),
                                           1u << CONFIG_ACL};
