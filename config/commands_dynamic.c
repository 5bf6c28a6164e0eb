// `crypto dynamic-map`, whose entries are templates for peers that nobody has named, and the crypto
// map entry that stands for one. Any thread. What may stand in a template is commands_map.c's.
#include <errno.h>
#include <string.h>

#include "commands.h"

static int dynamic_enter(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_map_entry new = {
		.seq = CONFIG_DYNAMIC + (uint32_t)command_number(call, "seq", 0),
		.line = e->line,
	};

	if (call->no)
		return edit_map_remove(call, true);
	if (edit_copy(call, "map_", new.map, sizeof(new.map)))
		return -EINVAL;
	if (!config_list_find(e->config, CONFIG_MAP_ENTRY, &new) &&
	    !config_list_add(e->config, CONFIG_MAP_ENTRY, &new))
		return edit_no_memory(call);
	edit_enter(call, MODE_CRYPTO_MAP, new.map, new.seq);
	return 0;
}

// One line, without a sub-mode.
static int map_dynamic(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_map_entry *old, new = {
					      .seq = (uint32_t)command_number(call, "seq", 0),
					      .ipv6 = command_has(call, "ipv6"),
					      .line = e->line,
				      };

	if (edit_copy(call, "map_", new.map, sizeof(new.map)) ||
	    edit_copy(call, "dyn", new.dynamic, sizeof(new.dynamic)))
		return -EINVAL;
	old = config_list_find(e->config, CONFIG_MAP_ENTRY, &new);
	if (call->no) {
		if (!old || strcmp(old->dynamic, new.dynamic) != 0 || old->ipv6 != new.ipv6)
			return command_fail(call, command_arg(call, "map_"),
			                    "there is no such crypto map");
		config_list_del(e->config, CONFIG_MAP_ENTRY, old);
		return 0;
	}
	if (old && (!old->dynamic[0] || old->ipv6 != new.ipv6))
		return command_fail(call, NULL, "the entry is of the other kind; remove it first");
	if (old)
		memcpy(old->dynamic, new.dynamic, sizeof(old->dynamic));
	else if (!config_list_add(e->config, CONFIG_MAP_ENTRY, &new))
		return edit_no_memory(call);
	return 0;
}

static const struct command_word words[] = {
	{"dynamic-map", "Specify a dynamic crypto map template"},
	{"map_", "Crypto map tag"},
	{"ipv6", "IPv6 crypto map"},
	{"seq", "Sequence to insert into crypto map entry"},
	{"ipsec-isakmp", "IPSEC w/ISAKMP"},
	{"dynamic", "Enable dynamic crypto map support"},
	{"dyn", "Name of dynamic-map template"},
	{"map", "Enter a crypto map"},
	{"discover", "Find the peer of an entry by itself (not active)"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "crypto dynamic-map map_:WORD seq:<1-65535>", "crypto dynamic-map map_:WORD",
         dynamic_enter, words},
	{MODE_CONFIG, "crypto map map_:WORD seq:<1-65535> ipsec-isakmp dynamic dyn:WORD", "",
         map_dynamic, words},
	{MODE_CONFIG, "crypto map ipv6 map_:WORD seq:<1-65535> ipsec-isakmp dynamic dyn:WORD", "",
         map_dynamic, words},
	{MODE_CONFIG, "crypto map map_:WORD seq:<1-65535> ipsec-isakmp dynamic dyn:WORD discover",
         "", command_inactive, words},
};

const struct command_table commands_dynamic = {commands, sizeof(commands) / sizeof(commands[0]),
                                               1u << CONFIG_MAP_ENTRY};
