// Replay protection: `crypto ipsec security-association replay`, and `set security-association
// replay` of a crypto map entry, which wins. Any thread.
#include <errno.h>

#include "commands.h"

// Packets, 64-4096, or CONFIG_REPLAY_DISABLED. 0 or -EINVAL.
static int take_window(struct command_call *call, uint32_t *window)
{
	const struct command_arg *size = command_arg(call, "size");

	if (size && (size->number & (size->number - 1)))
		return command_fail(call, size, "expected a power of two from 64 to 4096");
	*window = size ? (uint32_t)size->number : CONFIG_REPLAY_DISABLED;
	return 0;
}

static int global_replay(struct command_call *call)
{
	uint32_t *window = &edit_of(call)->config->ipsec.replay_window;

	if (!call->no)
		return take_window(call, window);
	*window = CONFIG_REPLAY_WINDOW;
	return 0;
}

// Without a negotiation the two ends cannot agree where their numbers begin.
static int entry_replay(struct command_call *call)
{
	struct config_map_entry *e = edit_map_entry(call);
	struct config_replay new = {.set = !call->no};

	if (!call->no && e->manual)
		return command_fail(call, NULL,
		                    "an ipsec-manual entry has no replay protection: its peer's "
		                    "numbers may begin anew");
	if (!call->no && take_window(call, &new.window))
		return -EINVAL;
	e->replay = new;
	return 0;
}

static const struct command_word words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"security-association", "Security association parameters"},
	{"replay", "Set replay checking"},
	{"window-size", "Set replay window size"},
	{"size", "Window size in packets, a power of two"},
	{"disable", "Disable replay checking"},
	{NULL, NULL},
};

#define WINDOW "{window-size size:<64-4096>|disable}"

static const struct command commands[] = {
	{MODE_CONFIG, "crypto ipsec security-association replay " WINDOW,
         "crypto ipsec security-association replay [window-size]", global_replay, words},
	{MODE_CRYPTO_MAP, "set security-association replay " WINDOW,
         "set security-association replay [window-size]", entry_replay, words},
};

const struct command_table commands_replay = {commands, sizeof(commands) / sizeof(commands[0]),
                                              1u << CONFIG_MAP_ENTRY};
