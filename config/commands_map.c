// `crypto map`: entries, their peers, transform sets and access lists. Any thread. Names of other
// objects are kept as they are; what is missing shows as an incomplete map (check.c).
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

struct config_map_entry *edit_map_entry(const struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_map_entry key = {.seq = e->cursor->number};

	snprintf(key.map, sizeof(key.map), "%s", e->cursor->name);
	return config_list_find(e->config, CONFIG_MAP_ENTRY, &key);
}

int edit_map_remove(struct command_call *call, bool dynamic)
{
	struct config *c = edit_of(call)->config;
	const struct command_arg *seq = command_arg(call, "seq"), *map = command_arg(call, "map_");
	struct sorted list = config_sorted(c, CONFIG_MAP_ENTRY);
	const struct config_map_entry *first;
	uint32_t n, base = dynamic ? CONFIG_DYNAMIC : 0;

	if (sorted_seal(&list)) // entries of a map lie side by side afterwards
		return edit_no_memory(call);
	if (seq) {
		first = config_find_map_entry(c, map->text, base + (uint32_t)seq->number);
		n = first ? 1 : 0;
	} else {
		first = dynamic ? config_dynamic_entries(c, map->text, &n)
		                : config_map_entries(c, map->text, &n);
	}
	if (!n || first->ipv6 != command_has(call, "ipv6"))
		return command_fail(call, map, "there is no such %s map",
		                    dynamic ? "dynamic" : "crypto");
	config_list_del_range(c, CONFIG_MAP_ENTRY, (uint32_t)(first - c->map_entries), n);
	return 0;
}

static int map_create(struct command_call *call, struct config_map_entry *new)
{
	if (!command_has(call, "ipsec-isakmp") && !command_has(call, "ipsec-manual"))
		return command_fail(call, NULL,
		                    "a new entry: expected 'ipsec-isakmp' or 'ipsec-manual' after "
		                    "the sequence number");
	if (command_has(call, "ipsec-manual")) {
		new->manual = calloc(1, sizeof(*new->manual));
		if (!new->manual)
			return edit_no_memory(call);
	}
	if (config_list_add(edit_of(call)->config, CONFIG_MAP_ENTRY, new))
		return 0;
	free(new->manual);
	return edit_no_memory(call);
}

static int map_enter(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_map_entry *old, new = {
					      .seq = (uint32_t)command_number(call, "seq", 0),
					      .ipv6 = command_has(call, "ipv6"),
					      .line = e->line,
				      };
	int err = 0;

	if (call->no)
		return edit_map_remove(call, false);
	if (edit_copy(call, "map_", new.map, sizeof(new.map)))
		return -EINVAL;
	old = config_list_find(e->config, CONFIG_MAP_ENTRY, &new);
	if (!old)
		err = map_create(call, &new);
	else if (old->dynamic[0] ||
	         command_has(call, old->manual ? "ipsec-isakmp" : "ipsec-manual"))
		err = command_fail(call, NULL, "the entry is of the other kind; remove it first");
	else if (old->ipv6 != new.ipv6)
		err = command_fail(call, command_arg(call, "map_"), "this entry is there %s 'ipv6'",
		                   old->ipv6 ? "with" : "without");
	if (!err)
		edit_enter(call, MODE_CRYPTO_MAP, new.map, new.seq);
	return err;
}

// What IKE negotiates has no place in an entry without it.
static int refuse_in_manual(struct command_call *call)
{
	if (edit_map_entry(call)->manual && !call->no)
		return command_fail(call, NULL, "an ipsec-manual entry has no such value");
	return 0;
}

static int peer_remove(struct command_call *call, const struct config_peer *peer)
{
	struct config_map_entry *e = edit_map_entry(call);
	uint32_t at = edit_find_peer(e->peers, e->n_peers, peer);

	if (at == e->n_peers)
		return command_fail(call, NULL, "there is no such peer");
	array_remove(&e->peers, &e->n_peers, sizeof(*peer), at);
	return 0;
}

// `set peer X default` is the first of the list, and there is one.
static int peer_default(struct command_call *call, uint32_t at)
{
	struct config_map_entry *e = edit_map_entry(call);
	struct config_peer peer = e->peers[at];

	memmove(e->peers + 1, e->peers, at * sizeof(peer));
	peer.is_default = true;
	e->peers[0] = peer;
	return 0;
}

// Without IKE there is one peer, and nobody finds out where it is.
static int manual_peer(struct command_call *call, const struct config_peer *peer)
{
	struct config_map_entry *e = edit_map_entry(call);

	if (!peer->address.family || peer->dynamic || peer->is_default)
		return command_fail(call, NULL, "an ipsec-manual entry has one peer, by address");
	if (e->n_peers && edit_find_peer(e->peers, e->n_peers, peer) == e->n_peers)
		return command_fail(call, NULL,
		                    "an ipsec-manual entry has one peer, and there is one");
	if (!e->n_peers && !array_push(&e->peers, &e->n_peers, sizeof(*peer), peer))
		return edit_no_memory(call);
	return 0;
}

// Checklist item 28.
static int set_peer(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	struct config_peer peer;
	uint32_t at;

	if (edit_peer(call, &peer))
		return -EINVAL;
	if (call->no)
		return peer_remove(call, &peer);
	if (e->manual)
		return manual_peer(call, &peer);
	at = edit_find_peer(e->peers, e->n_peers, &peer);
	if (peer.is_default && e->n_peers && e->peers[0].is_default && at != 0)
		return command_fail(call, command_arg(call, "default"),
		                    "there is a default peer already");
	if (at == CONFIG_PEERS)
		return command_fail(call, NULL, "a crypto map entry has at most %d peers",
		                    CONFIG_PEERS);
	if (at == e->n_peers && !array_push(&e->peers, &e->n_peers, sizeof(peer), &peer))
		return edit_no_memory(call);
	e->peers[at] = peer;
	if (!peer.address.family)
		edit_notice(call, "a peer given by host name is not active in this version");
	return peer.is_default ? peer_default(call, at) : 0;
}

// Without a negotiation there is one set; another takes its place.
static int manual_set(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	const struct command_arg *more = command_arg_at(call, "name", 1);
	char name[CONFIG_NAME] = "";

	if (more)
		return command_fail(call, more, "an ipsec-manual entry has one transform set");
	snprintf(name, sizeof(name), "%s", command_text(call, "name"));
	if (!e->n_sets && !array_push(&e->sets, &e->n_sets, sizeof(name), name))
		return edit_no_memory(call);
	memcpy(e->sets[0], name, sizeof(name));
	return 0;
}

static uint32_t find_set(const struct config_map_entry *e, const char *name)
{
	uint32_t i = 0;

	while (i < e->n_sets && strcmp(e->sets[i], name))
		i++;
	return i;
}

static int sets_remove(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	const struct command_arg *arg;

	if (!command_has(call, "name"))
		array_free(&e->sets, &e->n_sets, sizeof(*e->sets));
	for (unsigned i = 0; (arg = command_arg_at(call, "name", i)); i++) {
		if (find_set(e, arg->text) == e->n_sets)
			return command_fail(call, arg, "%s is not set here", arg->text);
	}
	for (unsigned i = 0; (arg = command_arg_at(call, "name", i)); i++) {
		uint32_t at = find_set(e, arg->text);

		if (at < e->n_sets)
			array_remove(&e->sets, &e->n_sets, sizeof(*e->sets), at);
	}
	return 0;
}

// Checklist item 29: names add to the list, in one line or several.
static int set_transform_set(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	const struct command_arg *arg;
	uint32_t n = e->n_sets;

	if (call->no)
		return sets_remove(call);
	if (e->manual)
		return manual_set(call);
	for (unsigned i = 0; (arg = command_arg_at(call, "name", i)); i++)
		if (find_set(e, arg->text) == e->n_sets && ++n > CONFIG_SETS)
			return command_fail(call, arg, "expected at most %d transform sets",
			                    CONFIG_SETS);
	for (unsigned i = 0; (arg = command_arg_at(call, "name", i)); i++) {
		char name[CONFIG_NAME] = "";

		if (find_set(e, arg->text) < e->n_sets)
			continue;
		snprintf(name, sizeof(name), "%s", arg->text);
		if (!array_push(&e->sets, &e->n_sets, sizeof(name), name))
			return edit_no_memory(call);
	}
	return 0;
}

// Checklist item 30: extended lists have numbers 100-199 and 2000-2699.
static int match_address(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	const struct command_arg *acl = command_arg(call, "acl");
	char name[CONFIG_NAME] = "";
	unsigned long n = acl ? strtoul(acl->text, NULL, 10) : 0;
	bool number = acl && strspn(acl->text, "0123456789") == strlen(acl->text);

	if (number)
		snprintf(name, sizeof(name), "%lu", n); // "0101" is list 101
	else if (acl && edit_copy(call, "acl", name, sizeof(name)))
		return -EINVAL;
	if (call->no && acl && strcmp(name, e->acl) != 0)
		return command_fail(call, acl, "%s is not set here", acl->text);
	if (!call->no && number && !(n >= 100 && n <= 199) && !(n >= 2000 && n <= 2699))
		return command_fail(call, acl,
		                    "%s is no extended access list: expected <100-199>, "
		                    "<2000-2699> or a name",
		                    acl->text);
	snprintf(e->acl, sizeof(e->acl), "%s", call->no ? "" : name);
	return 0;
}

static int set_pfs(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	bool given = call->n_args > 2 && !strncmp(call->args[2].text, "group", 5);

	if (refuse_in_manual(call))
		return -EINVAL;
	if (call->no) {
		e->pfs_group = 0;
		return 0;
	}
	e->pfs_group = given ? (uint8_t)atoi(call->args[2].text + 5) : 1;
	if (!given)
		edit_notice(call, "set pfs without a group means group1");
	return 0;
}

static int set_seconds(struct command_call *call)
{
	if (refuse_in_manual(call))
		return -EINVAL;
	edit_map_entry(call)->seconds = call->no ? 0 : (uint32_t)command_number(call, "s", 0);
	return 0;
}

static int set_kilobytes(struct command_call *call)
{
	if (refuse_in_manual(call))
		return -EINVAL;
	edit_map_entry(call)->kilobytes =
		call->no ? 0 : command_number(call, "kb", CONFIG_NO_KILOBYTES);
	return 0;
}

// Without a negotiation nobody knows whether the peer counts so (RFC 4303, 2.2.1).
static int set_esn(struct command_call *call)
{
	if (refuse_in_manual(call))
		return -EINVAL;
	edit_map_entry(call)->esn = !call->no;
	return 0;
}

static int set_idle_time(struct command_call *call)
{
	if (refuse_in_manual(call))
		return -EINVAL;
	edit_map_entry(call)->idle_time = call->no ? 0 : (uint32_t)command_number(call, "s", 0);
	edit_map_entry(call)->idle_default = !call->no && command_has(call, "default");
	if (!call->no)
		edit_notice(call, "idle-time is not active in this version");
	return 0;
}

static int description(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	char *text = NULL;

	if (!call->no) {
		const struct command_arg *arg = command_arg(call, "text");

		if (strlen(arg->text) >= CONFIG_TEXT)
			return command_fail(call, arg, "too long: expected at most %d bytes",
			                    CONFIG_TEXT - 1);
		text = strdup(arg->text);
		if (!text)
			return edit_no_memory(call);
	}
	free(e->description);
	e->description = text;
	return 0;
}

static const struct command_word words[] = {
	{"map", "Enter a crypto map"},
	{"map_", "Crypto map tag"},
	{"ipv6", "IPv6 crypto map"},
	{"seq", "Sequence to insert into crypto map entry"},
	{"ipsec-isakmp", "IPSEC w/ISAKMP"},
	{"ipsec-manual", "IPSEC w/manual keying"},
	{"peer", "Allowed Encryption/Decryption peer"},
	{"addr", "IP address"},
	{"host", "Host name of the peer"},
	{"dynamic", "Resolve the host name again for each SA"},
	{"default", "The peer that a failover starts again with"},
	{"transform-set", "Specify list of transform sets in priority order"},
	{"name", "Proposal tag"},
	{"address", "Match address of packets to encrypt"},
	{"acl", "Extended access list number or name"},
	{"pfs", "Specify pfs settings"},
	{"group1", "D-H Group1 (768-bit modp)"},
	{"group2", "D-H Group2 (1024-bit modp)"},
	{"group5", "D-H Group5 (1536-bit modp)"},
	{"group14", "D-H Group14 (2048-bit modp)"},
	{"group15", "D-H Group15 (3072-bit modp)"},
	{"group16", "D-H Group16 (4096-bit modp)"},
	{"group19", "D-H Group19 (256-bit ecp)"},
	{"group20", "D-H Group20 (384-bit ecp)"},
	{"group21", "D-H Group21 (521-bit ecp)"},
	{"group24", "D-H Group24 (not active)"},
	{"security-association", "Security association parameters"},
	{"s", "Time in seconds"},
	{"kb", "Security association duration in kilobytes encrypted"},
	{"disable", "Disable volume-based rekeying"},
	{"esn", "Negotiate extended (64-bit) sequence numbers"},
	{"text", "Up to 240 characters"},
	{NULL, NULL},
};

static const struct command_word idle_words[] = {
	{"security-association", "Security association parameters"},
	{"idle-time", "Automatically delete IPSec SAs after a given idle period"},
	{"s", "Time in seconds"},
	{"default", "Start again with the default peer then"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"map", "Enter a crypto map"},
	{"map_", "Crypto map tag"},
	{"ipv6", "IPv6 crypto map"},
	{"seq", "Sequence to insert into crypto map entry"},
	{"ipsec-isakmp", "IPSEC w/ISAKMP"},
	{"profile", "Entry that only an ipsec profile uses (not active)"},
	{"gdoi", "Group domain of interpretation (not active)"},
	{"client", "Specify client configuration settings (not active)"},
	{"isakmp", "Specify isakmp configuration settings (not active)"},
	{"isakmp-profile", "Specify isakmp profile to use (not active)"},
	{"local-address", "Interface to use for local address (not active)"},
	{"redundancy", "High availability options (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command_word inactive_set_words[] = {
	{"isakmp-profile", "Specify isakmp Profile (not active)"},
	{"ikev2-profile", "Specify ikev2 Profile (not active)"},
	{"identity", "Identity restriction (not active)"},
	{"nat", "Set NAT translation (not active)"},
	{"ip", "Interface Internet Protocol config commands (not active)"},
	{"reverse-route", "Reverse Route Injection (not active)"},
	{"qos", "Quality of Service related commands (not active)"},
	{"pre-classify", "Classify packets before encryption (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "crypto map map_:WORD seq:<1-65535> [ipsec-isakmp|ipsec-manual]",
         "crypto map map_:WORD", map_enter, words},
	{MODE_CONFIG, "crypto map ipv6 map_:WORD seq:<1-65535> [ipsec-isakmp|ipsec-manual]",
         "crypto map ipv6 map_:WORD", map_enter, words},
	{MODE_CONFIG, "crypto map ipv6 map_:WORD seq:<1-65535> ipsec-isakmp profile rest:LINE", "",
         command_inactive, inactive_words},
	{MODE_CONFIG, "crypto map map_:WORD seq:<1-65535> ipsec-isakmp profile rest:LINE", "",
         command_inactive, inactive_words},
	{MODE_CONFIG, "crypto map map_:WORD seq:<1-65535> gdoi", "", command_inactive,
         inactive_words},
	{MODE_CONFIG,
         "crypto map map_:WORD {client|isakmp|isakmp-profile|local-address|redundancy|gdoi} "
         "rest:LINE",
         "", command_inactive, inactive_words},
	{MODE_CRYPTO_MAP, "set peer {addr:A.B.C.D|addr:X:X::X|host:WORD [dynamic]} [default]", "",
         set_peer, words},
	{MODE_CRYPTO_MAP, "set transform-set {name:WORD}+", "set transform-set", set_transform_set,
         words},
	{MODE_CRYPTO_MAP, "match address acl:WORD", "match address", match_address, words},
	{MODE_CRYPTO_MAP,
         "set pfs [group1|group2|group5|group14|group15|group16|group19|group20|group21|group24]",
         "", set_pfs, words},
	{MODE_CRYPTO_MAP, "set security-association lifetime seconds s:<120-86400>",
         "set security-association lifetime seconds", set_seconds, words},
	{MODE_CRYPTO_MAP,
         "set security-association lifetime kilobytes {kb:<2560-4294967295>|disable}",
         "set security-association lifetime kilobytes", set_kilobytes, words},
	{MODE_CRYPTO_MAP, "set security-association esn", "", set_esn, words},
	{MODE_CRYPTO_MAP, "set security-association idle-time s:<60-86400> [default]",
         "set security-association idle-time", set_idle_time, idle_words},
	{MODE_CRYPTO_MAP, "description text:LINE", "description", description, words},
	{MODE_CRYPTO_MAP, "set {isakmp-profile|ikev2-profile|identity|nat|ip} rest:LINE",
         "set {isakmp-profile|ikev2-profile|identity|nat|ip}", command_inactive,
         inactive_set_words},
	{MODE_CRYPTO_MAP, "reverse-route [rest:LINE]", "", command_inactive, inactive_set_words},
	{MODE_CRYPTO_MAP, "qos pre-classify", "", command_inactive, inactive_set_words},
};

const struct command_table commands_map = {commands, sizeof(commands) / sizeof(commands[0]),
                                           1u << CONFIG_MAP_ENTRY};
