/** Text from a server, for a terminal: it must neither move the cursor nor pretend to be another line. */

// C0, DEL and C1 start escape codes; the others turn the direction of what follows, break lines, cannot be seen, or are halves
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/gu

/** Without what is not seen, and no longer than 128 characters. */
export const printable = (text: string): string => {
  const characters = [...text.replace(unprintable, "")]
  return characters.length > 128 ? `${characters.slice(0, 128).join("")}...` : characters.join("")
}

/** Whether a key stands for something that is entered. */
export const isPrintable = (text: string): boolean => text !== "" && text.replace(unprintable, "") === text
