// Global configuration: host name, enable secret, logging, routes, terminal lines. Any thread. Must
// keep no password in clear.
#include <crypt.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "commands.h"
#include "secret.h"

static struct config *config(const struct command_call *call)
{
	return edit_of(call)->config;
}

static bool is_host_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return true;
}

static int hostname(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");

	if (call->no) {
		snprintf(config(call)->hostname, CONFIG_NAME, "Router");
		return 0;
	}
	if (!is_host_name(name->text))
		return command_fail(call, name,
		                    "expected letters, digits and hyphens in a host name");
	return edit_copy(call, "name", config(call)->hostname, CONFIG_NAME);
}

// It makes the host name a whole one where that is this gateway's identity.
static int domain(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "suffix");

	if (call->no) {
		if (edit_is_set(call, "suffix", config(call)->domain))
			return -EINVAL;
		config(call)->domain[0] = '\0';
		return 0;
	}
	if (!is_host_name(name->text) || name->text[0] == '.')
		return command_fail(call, name,
		                    "expected letters, digits, hyphens and dots in a domain name");
	return edit_copy(call, "suffix", config(call)->domain, CONFIG_DOMAIN);
}

// A salted SHA-512 crypt(3) text of `password`.
static int hash_password(struct command_call *call, const char *password, char out[CONFIG_HASH])
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;
	uint8_t random[16];

	secret_random(random, sizeof(random));
	if (data && crypt_gensalt_rn("$6$", 0, (const char *)random, sizeof(random), setting,
	                             sizeof(setting)))
		hash = crypt_r(password, setting, data);
	if (!hash || hash[0] == '*' || strlen(hash) >= CONFIG_HASH) {
		command_fail(call, NULL, "the password cannot be hashed");
		hash = NULL;
	} else {
		snprintf(out, CONFIG_HASH, "%s", hash);
	}
	if (data)
		secret_wipe(data, sizeof(*data));
	free(data);
	return hash ? 0 : -EINVAL;
}

#define ROUNDS_MAX   1000000ul // crypt(3) takes up to a thousand times as many, for minutes
#define BCRYPT_MAX   14ul      // it doubles with each
#define YESCRYPT_MAX 'D'       // the same: 256 MiB and a second

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

// Is it of a kind that is known here, and checked within some seconds?
static bool is_affordable(const char *text)
{
	const char *rounds = strstr(text, "$rounds="), *cost = strchr(text + 1, '$');

	if (begins(text, "$1$") || begins(text, "$5$") || begins(text, "$6$"))
		return !rounds || strtoul(rounds + 8, NULL, 10) <= ROUNDS_MAX;
	if (begins(text, "$2"))
		return cost && strtoul(cost + 1, NULL, 10) <= BCRYPT_MAX;
	if (begins(text, "$y$j") || begins(text, "$gy$j"))
		return cost[2] <= YESCRYPT_MAX &&
		       (begins(cost + 3, "5$") || begins(cost + 3, "T$"));
	return false;
}

// Whether crypt(3) makes such a text: of any password the same setting, and a hash as long behind
// it. What is cut short would be kept, and no password would ever fit.
static bool is_hash(const char *text)
{
	static const char digits[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *made = data ? crypt_r("", text, data) : NULL;
	size_t len = strlen(text), setting = (size_t)(strrchr(text, '$') + 1 - text);
	bool ok = made && made[0] != '*' && strlen(made) == len && !strncmp(made, text, setting) &&
	          strspn(text + setting, digits) == len - setting;

	free(data);
	return ok;
}

// The text as it is kept, and its type.
static int enable_store(struct command_call *call, char stored[CONFIG_HASH], uint8_t *type)
{
	const struct command_arg *secret = command_arg(call, "text");
	uint8_t typed = command_has(call, "5") ? 5 : command_has(call, "8") ? 8 : 9;
	bool cisco = command_has(call, "4") || command_has(call, "7");
	bool hashed = cisco || typed != 9 || command_has(call, "9");
	int err;

	if (call->no) {
		secret_wipe(stored, CONFIG_HASH);
		*type = 0;
		return 0;
	}
	if (cisco || (hashed && (secret->text[0] != '$' ||
	                         crypt_checksalt(secret->text) == CRYPT_SALT_INVALID)))
		return command_fail(call, secret,
		                    "expected the hash of a password as crypt(3) writes it ($6$...)"
		                    "; Cisco's own types 4, 7, 8 and 9 cannot be checked");
	if (hashed && !is_affordable(secret->text))
		return command_fail(call, secret,
		                    "only hashes of the kinds $1$, $5$, $6$ (%lu rounds at most), "
		                    "$2b$ (cost %lu) and $y$ (jDT) are taken",
		                    ROUNDS_MAX, BCRYPT_MAX);
	if (hashed && !is_hash(secret->text))
		return command_fail(call, secret,
		                    "this hash is not whole, or none that crypt(3) can make: no "
		                    "password would fit it");
	err = hashed ? edit_copy(call, "text", stored, CONFIG_HASH)
	             : hash_password(call, secret->text, stored);
	if (!err)
		*type = typed;
	return err;
}

static int enable_secret(struct command_call *call)
{
	return enable_store(call, config(call)->enable_secret, &config(call)->enable_secret_type);
}

// IOS keeps both, and asks for the secret if there is one. Kept as a hash too, and shown as one.
static int enable_password(struct command_call *call)
{
	int err = enable_store(call, config(call)->enable_password,
	                       &config(call)->enable_password_type);

	if (!err && !call->no && config(call)->enable_secret[0])
		edit_notice(call, "the enable secret is asked for, not this password");
	return err;
}

static int logging_on(struct command_call *call)
{
	config(call)->logging.on = !call->no || call->is_default;
	return 0;
}

static const char *const levels[] = {"emergencies", "alerts",        "critical",      "errors",
                                     "warnings",    "notifications", "informational", "debugging"};

// The level in a call, or `otherwise`.
static int8_t level(const struct command_call *call, int8_t otherwise)
{
	for (int8_t i = 0; i < 8; i++)
		if (command_has(call, levels[i]))
			return i;
	return (int8_t)command_number(call, "level", (uint64_t)otherwise);
}

static int logging_buffered(struct command_call *call)
{
	uint32_t size = (uint32_t)command_number(call, "size", 4096);

	config(call)->logging.buffered = call->no ? 0 : size;
	if (!call->no && level(call, 127) != 127)
		edit_notice(call, "the level of the buffer is ignored: it holds what is logged");
	return 0;
}

static int logging_console(struct command_call *call)
{
	config(call)->logging.console = call->is_default ? 7 : call->no ? -1 : level(call, 7);
	return 0;
}

static int logging_file(struct command_call *call)
{
	struct config_logging *l = &config(call)->logging;

	if (!call->no)
		return edit_copy(call, "path", l->file, sizeof(l->file));
	l->file[0] = '\0';
	return 0;
}

static int logging_host(struct command_call *call)
{
	struct config_logging *l = &config(call)->logging;
	const struct command_arg *addr = command_arg(call, "addr");
	uint32_t at = 0;

	while (at < l->n_hosts && !addr_equal(&l->hosts[at], &addr->addr))
		at++;
	if (call->no) {
		if (at == l->n_hosts)
			return command_fail(call, addr, "not configured");
		array_remove(&l->hosts, &l->n_hosts, sizeof(*l->hosts), at);
		return 0;
	}
	if (at == l->n_hosts && !array_push(&l->hosts, &l->n_hosts, sizeof(*l->hosts), &addr->addr))
		return edit_no_memory(call);
	edit_notice(call, "logging to a host is not active in this version");
	return 0;
}

// All routes of the prefix that fit what was given.
static int route_remove(struct command_call *call, const struct config_route *key)
{
	struct config *c = config(call);
	bool found = false;

	for (uint32_t i = c->n_routes; i-- > 0;) {
		struct config_route *r = &c->routes[i];

		if (!prefix_equal(&r->prefix, &key->prefix) ||
		    (key->next_hop.family && !addr_equal(&r->next_hop, &key->next_hop)) ||
		    (key->interface[0] && strcmp(r->interface, key->interface)) ||
		    (command_arg(call, "distance") && r->distance != key->distance))
			continue;
		config_list_del(c, CONFIG_ROUTE, r);
		found = true;
	}
	if (!found)
		return command_fail(call, NULL, "there is no such route");
	return 0;
}

int edit_route(struct command_call *call, const struct config_route *new)
{
	struct config_route *old;

	if (call->no)
		return route_remove(call, new);
	if (command_has(call, "permanent"))
		edit_notice(call, "permanent is ignored: a route goes with its link");
	if (command_has(call, "tag"))
		edit_notice(call, "the tag of a route is ignored");
	old = config_list_find(config(call), CONFIG_ROUTE, new);
	if (old)
		*old = *new;
	else if (!config_list_add(config(call), CONFIG_ROUTE, new))
		return edit_no_memory(call);
	return 0;
}

static int route(struct command_call *call)
{
	const struct command_arg *addr = command_arg(call, "prefix"),
				 *hop = command_arg(call, "hop");
	struct config_route new = {
		.distance = (uint8_t)command_number(call, "distance", 1),
		.line = edit_of(call)->line,
	};
	uint8_t len;

	if (edit_mask(call, "mask", &len))
		return -EINVAL;
	new.prefix = prefix_make(&addr->addr, len);
	if (!addr_equal(&new.prefix.addr, &addr->addr))
		return command_fail(call, addr, "inconsistent address and mask");
	if (hop)
		new.next_hop = hop->addr;
	if ((command_has(call, "ifname") &&
	     edit_copy(call, "ifname", new.interface, CONFIG_NAME)) ||
	    (command_has(call, "label") && edit_copy(call, "label", new.label, CONFIG_NAME)))
		return -EINVAL;
	if (!call->no && hop && addr_is_zero(&hop->addr))
		return command_fail(call, hop, "%s is no address of a next hop", hop->text);
	return edit_route(call, &new);
}

// The default gateway that a DHCP server names; no interface of this name.
static int route_dhcp(struct command_call *call)
{
	if (call->no)
		return 0;
	return command_fail(call, command_arg(call, "dhcp"),
	                    "a next hop from DHCP is not active in this version");
}

// `line vty 0 4` or `line 2`, and the lines below it.
static int line_enter(struct command_call *call)
{
	const struct command_arg *first = command_arg(call, "first");

	if (first && strspn(first->text, "0123456789/") != strlen(first->text))
		return command_fail(call, first, "expected con, vty, aux, tty or a line's number");
	if (!call->no)
		edit_enter(call, MODE_LINE, "", 0);
	return command_ignored(call);
}

// IOS writes `no aaa new-model` into every configuration that has none.
static int aaa(struct command_call *call)
{
	return call->no ? command_ignored(call) : command_inactive(call);
}

static const struct command_word words[] = {
	{"hostname", "Set system's network name"},
	{"name", "Name"},
	{"label", "Name of the route, for people"},
	{"permanent", "Keep the route when its link is down (ignored)"},
	{"tag", "Tag of the route (ignored)"},
	{"tag_", "Tag"},
	{"enable", "Modify enable password parameters"},
	{"text", "The password, or its hash"},
	{"logging", "Modify message logging facilities"},
	{"secret", "Assign the privileged level secret"},
	{"password", "Assign the privileged level password"},
	{"0", "An unencrypted password follows"},
	{"4", "Cisco's own kind of hash (cannot be checked)"},
	{"5", "A hashed secret follows (crypt)"},
	{"7", "Cisco's own kind of cipher (not taken)"},
	{"8", "A hashed secret follows (crypt)"},
	{"9", "A hashed secret follows (crypt)"},
	{"on", "Enable logging to all enabled destinations"},
	{"buffered", "Set buffered logging parameters"},
	{"size", "Logging buffer size in bytes"},
	{"console", "Set console logging parameters"},
	{"file", "Write log messages to a file"},
	{"path", "File name"},
	{"host", "Set syslog server IP address and parameters"},
	{"addr", "IP address of the syslog server"},
	{"transport", "Transport protocol and port (not active)"},
	{"rest", "Not active in this version"},
	{"level", "Logging severity level"},
	{"emergencies", "System is unusable (severity=0)"},
	{"alerts", "Immediate action needed (severity=1)"},
	{"critical", "Critical conditions (severity=2)"},
	{"errors", "Error conditions (severity=3)"},
	{"warnings", "Warning conditions (severity=4)"},
	{"notifications", "Normal but significant conditions (severity=5)"},
	{"informational", "Informational messages (severity=6)"},
	{"debugging", "Debugging messages (severity=7)"},
	{"route", "Establish static routes"},
	{"prefix", "Destination prefix"},
	{"mask", "Destination prefix mask"},
	{"hop", "Forwarding router's address"},
	{"ifname", "Interface that it leads through"},
	{"dhcp", "Default gateway obtained from DHCP (not active)"},
	{"distance", "Distance metric for this route"},
	{NULL, NULL},
};

static const struct command_word domain_words[] = {
	{"domain", "IP DNS Resolver"},
	{"name", "Define the default domain name"},
	{"domain-name", "Define the default domain name"},
	{"suffix", "Domain name, without the dot in front"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"route", "Establish static routes"},
	{"vrf", "VPN Routing and Forwarding (not active)"},
	{"definition", "VRF definition (not active)"},
	{"nat", "NAT configuration commands (not active)"},
	{"local", "Local address pools and policy (not active)"},
	{"router", "Enable a routing process (not active)"},
	{"aaa", "Authentication, Authorization and Accounting (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command_word line_words[] = {
	{"line", "Configure a terminal line (ignored)"},
	{"console", "Primary terminal line"},
	{"con", "Primary terminal line"},
	{"vty", "Virtual terminals"},
	{"aux", "Auxiliary line"},
	{"tty", "Terminal controllers"},
	{"first", "Number of the first line"},
	{"exec-timeout", "Timeout of the EXEC (ignored)"},
	{"login", "Password checking (ignored)"},
	{"password", "Password of the line (ignored)"},
	{"transport", "Transport protocols (ignored)"},
	{"stopbits", "Async line stop bits (ignored)"},
	{"logging", "Logging on the line (ignored)"},
	{"synchronous", "Apart from what is typed (ignored)"},
	{"privilege", "Privilege level of the line (ignored)"},
	{"speed", "Transmit and receive speeds (ignored)"},
	{"access-class", "Filter connections by an access list (ignored)"},
	{"exec", "An EXEC on the line (ignored)"},
	{"history", "Command history (ignored)"},
	{"length", "Lines of the screen (ignored)"},
	{"width", "Columns of the screen (ignored)"},
	{"escape-character", "Character that ends a connection (ignored)"},
	{"session-timeout", "Timeout of connections (ignored)"},
	{"rest", "Ignored"},
	{NULL, NULL},
};

#define LEVEL                                                                                      \
	"{level:<0-7>|emergencies|alerts|critical|errors|warnings|notifications|informational|"    \
	"debugging}"

static const struct command commands[] = {
	{MODE_CONFIG, "hostname name:WORD", "hostname", hostname, words},
	{MODE_CONFIG, "ip {domain name|domain-name} suffix:WORD<1-191>",
         "ip {domain name|domain-name}", domain, domain_words},
	{MODE_CONFIG, "enable secret [0|4|5|7|8|9] text:WORD<1-200>", "enable secret",
         enable_secret, words},
	{MODE_CONFIG, "enable password [0|4|5|7|8|9] text:WORD<1-200>", "enable password",
         enable_password, words},
	{MODE_CONFIG, "logging on", "", logging_on, words},
	{MODE_CONFIG, "logging buffered [size:<4096-2147483647>] [" LEVEL "]", "", logging_buffered,
         words},
	{MODE_CONFIG, "logging console [" LEVEL "]", "", logging_console, words},
	{MODE_CONFIG, "logging file path:WORD<1-255>", "logging file", logging_file, words},
	{MODE_CONFIG, "logging [host] addr:A.B.C.D [transport rest:LINE]", "", logging_host, words},
	{MODE_CONFIG,
         "ip route prefix:A.B.C.D mask:WILDCARD {hop:A.B.C.D|ifname:IFNAME "
         "[hop:A.B.C.D]} [distance:<1-255>] " ROUTE_MORE,
         "ip route prefix:A.B.C.D mask:WILDCARD", route, words},
	{MODE_CONFIG, "ip route prefix:A.B.C.D mask:WILDCARD {dhcp|ifname:IFNAME dhcp} [rest:LINE]",
         "", route_dhcp, words},

	{MODE_CONFIG, "ip route vrf rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "ip vrf rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "vrf definition rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "ip {nat|local} rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "router rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "aaa rest:LINE", "", aaa, inactive_words},

	{MODE_CONFIG, "line {console|con|vty|aux|tty|first:WORD} [rest:LINE]", "", line_enter,
         line_words},
	{MODE_LINE,
         "{exec-timeout|login|password|transport|stopbits|logging synchronous|privilege|speed|"
         "access-class|exec|history|length|width|escape-character|session-timeout} [rest:LINE]",
         "", command_ignored, line_words},
};

const struct command_table commands_global = {commands, sizeof(commands) / sizeof(commands[0]),
                                              1u << CONFIG_ROUTE};
