/** What is printed: wristbands, cards, consents. */
export const messages = {
  noBarcode: 'The barcode could not be drawn.',
  wristband: {
    open: 'Print wristband',
    title: 'Wristband',
    text: 'The code holds the record number and nothing else. Check the name with the patient before you put it on.',
    code: 'Barcode of the record number',
    paper: 'Paper',
    papers: { wristband: 'Wristband printer (279 × 25 mm)', a4: 'Sheet of paper (A4)' },
    print: 'Print',
  },
}
