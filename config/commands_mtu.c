// What happens to packets that IPsec makes too long: `crypto ipsec df-bit` and `fragmentation`, for
// the gateway and for an interface, and `tcp adjust-mss` of an interface. Any thread.
#include <errno.h>

#include "commands.h"

static enum config_df df_of(const struct command_call *call)
{
	if (call->no)
		return CONFIG_DF_UNSET;
	if (command_has(call, "clear"))
		return CONFIG_DF_CLEAR;
	return command_has(call, "set") ? CONFIG_DF_SET : CONFIG_DF_COPY;
}

static enum config_fragmentation fragmentation_of(const struct command_call *call)
{
	if (call->no)
		return CONFIG_FRAGMENTATION_UNSET;
	return command_has(call, "after-encryption") ? CONFIG_FRAGMENTATION_AFTER
	                                             : CONFIG_FRAGMENTATION_BEFORE;
}

// The default is not kept: IOS does not show it.
static int global_df(struct command_call *call)
{
	enum config_df df = df_of(call);

	edit_of(call)->config->ipsec.df = df == CONFIG_DF_COPY ? CONFIG_DF_UNSET : df;
	return 0;
}

static int global_fragmentation(struct command_call *call)
{
	enum config_fragmentation f = fragmentation_of(call);

	edit_of(call)->config->ipsec.fragmentation =
		f == CONFIG_FRAGMENTATION_BEFORE ? CONFIG_FRAGMENTATION_UNSET : f;
	return 0;
}

static int df(struct command_call *call)
{
	edit_interface(call)->df = df_of(call);
	return 0;
}

static int fragmentation(struct command_call *call)
{
	edit_interface(call)->fragmentation = fragmentation_of(call);
	return 0;
}

static int mss(struct command_call *call)
{
	edit_interface(call)->mss = call->no ? 0 : (uint16_t)command_number(call, "n", 0);
	return 0;
}

static int mss6(struct command_call *call)
{
	edit_interface(call)->mss6 = call->no ? 0 : (uint16_t)command_number(call, "n", 0);
	return 0;
}

static const struct command_word words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"df-bit", "Handling of encapsulated DF bit"},
	{"clear", "Clear DF bit for encapsulated packets"},
	{"set", "Set DF bit for encapsulated packets"},
	{"copy", "Copy DF bit from inner header to encapsulated packets (default)"},
	{"fragmentation", "Handling of fragmentation of near-MTU sized packets"},
	{"before-encryption", "Fragment large packets before IPsec encryption (default)"},
	{"after-encryption", "Fragment large packets after IPsec encryption"},
	{"tcp", "Global TCP parameters"},
	{"adjust-mss", "Adjust the MSS of transit packets"},
	{"n", "Maximum segment size in bytes"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "crypto ipsec df-bit {clear|set|copy}", "crypto ipsec df-bit", global_df,
         words},
	{MODE_CONFIG, "crypto ipsec fragmentation {before-encryption|after-encryption}",
         "crypto ipsec fragmentation", global_fragmentation, words},
	{MODE_INTERFACE, "crypto ipsec df-bit {clear|set|copy}", "crypto ipsec df-bit", df, words},
	{MODE_INTERFACE, "crypto ipsec fragmentation {before-encryption|after-encryption}",
         "crypto ipsec fragmentation", fragmentation, words},
	{MODE_INTERFACE, "ip tcp adjust-mss n:<500-1460>", "ip tcp adjust-mss", mss, words},
	{MODE_INTERFACE, "ipv6 tcp adjust-mss n:<40-1454>", "ipv6 tcp adjust-mss", mss6, words},
};

const struct command_table commands_mtu = {commands, sizeof(commands) / sizeof(commands[0]),
                                           1u << CONFIG_INTERFACE};
