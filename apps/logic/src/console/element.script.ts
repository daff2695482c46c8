export const elementScript = String.raw`
/** An element. Text goes in as text: there is no way to markup from here, whatever a message holds. */
export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
`;
