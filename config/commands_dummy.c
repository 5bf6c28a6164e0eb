// Dummy packets that hide when a tunnel is idle: `crypto ipsec security-association dummy`, and
// `set security-association dummy` of a crypto map entry. Any thread.
#include "commands.h"

static struct config_dummy dummy_of(const struct command_call *call)
{
	if (call->no)
		return (struct config_dummy){0};
	return (struct config_dummy){
		.set = true,
		.pps = (uint16_t)command_number(call, "rate", 0),
		.seconds = (uint16_t)command_number(call, "s", 0),
	};
}

// `pps 0` is the default, which IOS does not show.
static int global_dummy(struct command_call *call)
{
	struct config_dummy dummy = dummy_of(call);

	dummy.set = dummy.pps || dummy.seconds;
	edit_of(call)->config->ipsec.dummy = dummy;
	return 0;
}

static int entry_dummy(struct command_call *call)
{
	edit_map_entry(call)->dummy = dummy_of(call);
	return 0;
}

static const struct command_word words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"security-association", "Security association parameters"},
	{"dummy", "Send dummy packets (RFC 4303, 2.6)"},
	{"pps", "Dummy packets per second"},
	{"rate", "Packets per second for each SA, 0 = none"},
	{"seconds", "Delay between dummy packets"},
	{"s", "Delay in seconds"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG,
         "crypto ipsec security-association dummy {pps rate:<0-25>|seconds s:<1-3600>}",
         "crypto ipsec security-association dummy", global_dummy, words},
	{MODE_CRYPTO_MAP, "set security-association dummy {pps rate:<0-25>|seconds s:<1-3600>}",
         "set security-association dummy", entry_dummy, words},
};

const struct command_table commands_dummy = {commands, sizeof(commands) / sizeof(commands[0]),
                                             1u << CONFIG_MAP_ENTRY};
